package dev.sparsed.spi;

/**
 * How to open a backend.
 *
 * @param threads threads that work on one operation, ≥ 1; backends off the CPU ignore it
 */
public record BackendOptions(int threads) {

    /** Checks the range. */
    public BackendOptions {
        if (threads < 1) {
            throw new IllegalArgumentException("threads = " + threads + ": must be at least 1");
        }
    }
}
