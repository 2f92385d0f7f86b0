package dev.sparsed.spi;

/**
 * How to open a backend.
 *
 * @param threads threads that work on one operation, ≥ 1; backends off the CPU ignore it
 * @param dtype what activations and matrix products are computed in: F32 or BF16; the backends on the CPU compute in F32 whatever this says
 */
public record BackendOptions(int threads, DType dtype) {

    /** Checks the range. */
    public BackendOptions {
        if (threads < 1) {
            throw new IllegalArgumentException("threads = " + threads + ": must be at least 1");
        }
        if (dtype != DType.F32 && dtype != DType.BF16) {
            throw new IllegalArgumentException("dtype = " + dtype + ": must be F32 or BF16");
        }
    }
}
