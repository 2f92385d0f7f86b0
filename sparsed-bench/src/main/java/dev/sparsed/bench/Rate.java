package dev.sparsed.bench;

import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** Secondary results of a benchmark in {@code ops/s}: what its operations are worth. */
@State(Scope.Thread)
@AuxCounters(AuxCounters.Type.OPERATIONS)
public class Rate {

    /** GFLOP/s. */
    public double gflops;

    /** Share of the FMA peak that was measured when the trial began, 0 … 1. */
    public double ofFmaPeak;

    /** For JMH. */
    public Rate() {}

    /**
     * One operation is done.
     *
     * @param flops its floating-point operations
     * @param fmaPeak of the machine, in GFLOP/s
     */
    void count(double flops, double fmaPeak) {
        gflops += flops / 1e9;
        ofFmaPeak += flops / 1e9 / fmaPeak;
    }
}
