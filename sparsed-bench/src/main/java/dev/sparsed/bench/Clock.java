package dev.sparsed.bench;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;

/**
 * Times an operation. One thread by its processor time, which leaves out what other programs take of the clock; several by the clock, for
 * waiting on each other is part of what they take.
 *
 * @param threads how many threads work on the operation, ≥ 1; if one, it is the calling one
 */
public record Clock(int threads) {

    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

    /** {@return the time now, in nanoseconds from any origin} */
    public long nanos() {
        return threads == 1 ? THREADS.getCurrentThreadCpuTime() : System.nanoTime();
    }
}
