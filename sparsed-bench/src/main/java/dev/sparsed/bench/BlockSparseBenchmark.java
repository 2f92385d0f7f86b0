package dev.sparsed.bench;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.spi.Positions;
import dev.sparsed.spi.Tensor;
import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** Block-sparse attention with random patterns: it should cost what it keeps. */
public class BlockSparseBenchmark extends AttentionOperands {

    private static final int DENSE_RUNS = 3;

    /** Features of a head. */
    @Param("64")
    public int headDim;

    /** ρ, the share of key blocks that is kept. */
    @Param({"0.1", "0.3", "0.5"})
    public double select;

    /** B, positions per block. */
    @Param({"32", "64", "128"})
    public int blockSize;

    private BlockPattern pattern;
    private double density;
    private double denseSeconds;
    private Positions rows;

    /** For JMH. */
    public BlockSparseBenchmark() {}

    /** Another secondary result in {@code ops/s}. */
    @State(Scope.Thread)
    @AuxCounters(AuxCounters.Type.OPERATIONS)
    public static class Efficiency {

        /** Kept share × time of dense attention / time: 1 where only kept blocks cost something. */
        public double ofIdeal;

        /** For JMH. */
        public Efficiency() {}
    }

    /** Makes operands and pattern. */
    @Setup
    public void open() {
        open(headDim);
        rows = Positions.range(0, tokens);
        pattern = device().pattern(new BlockLayout(tokens, 0, blockSize), heads, select);
        density = pattern.density();
    }

    /** Measures dense attention on the same operands just before every iteration: the machine's speed drifts. */
    @Setup(Level.Iteration)
    public void measureDense() {
        long begin = System.nanoTime();
        for (int i = 0; i < DENSE_RUNS; i++) {
            device().context().attention().dense(queries, keys, values, layout, out, null);
        }
        denseSeconds = (System.nanoTime() - begin) / 1e9 / DENSE_RUNS;
    }

    /**
     * Block-sparse attention.
     *
     * @param rate counts it
     * @param efficiency counts it
     * @return the result, for JMH to keep
     */
    @Benchmark
    public Tensor blockSparse(Rate rate, Efficiency efficiency) {
        device().context().attention().blockSparse(queries, rows, keys, values, layout, pattern, out);
        rate.count(density * Flops.attention(tokens, tokens, layout), device().fmaPeak());
        efficiency.ofIdeal += density * denseSeconds;
        return out;
    }
}
