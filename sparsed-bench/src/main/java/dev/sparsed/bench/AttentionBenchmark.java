package dev.sparsed.bench;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.attention.SelectionRule;
import dev.sparsed.spi.HeadLayout;
import dev.sparsed.spi.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** Dense attention, and the selection that follows it once per generation. */
public class AttentionBenchmark extends KernelBenchmark {

    private static final int GENERATED = 128;
    private static final int BLOCK_SIZE = 128;

    /** Name of the backend; the benchmark fails if it cannot run. */
    @Param("vector")
    public String backend;

    /** Threads that work on one operation; 0 for all processors. */
    @Param("0")
    public int threads;

    /** Tokens of the canvas. */
    @Param("4096")
    public int tokens;

    /** Heads; few, for time per head does not depend on their number. */
    @Param("4")
    public int heads;

    /** Features of a head. */
    @Param({"64", "128"})
    public int headDim;

    private HeadLayout layout;
    private SelectionRule rule;
    private Tensor queries;
    private Tensor keys;
    private Tensor values;
    private Tensor out;
    private Tensor logSumExp;

    /** For JMH. */
    public AttentionBenchmark() {}

    /** Makes the operands. */
    @Setup
    public void open() {
        Device device = open(backend, threads);
        layout = new HeadLayout(heads, heads, headDim);
        rule = new SelectionRule(new BlockLayout(tokens, Math.min(tokens, GENERATED), BLOCK_SIZE), 0.3);
        queries = device.activation(tokens, layout.queryColumns());
        keys = device.activation(tokens, layout.keyValueColumns());
        values = device.activation(tokens, layout.keyValueColumns());
        out = device.empty(tokens, layout.queryColumns());
        logSumExp = device.empty(tokens, heads);
        device.context().attention().dense(queries, keys, values, layout, out, logSumExp);
    }

    /**
     * Dense attention.
     *
     * @param rate counts it
     * @return the result, for JMH to keep
     */
    @Benchmark
    public Tensor dense(Rate rate) {
        device().context().attention().dense(queries, keys, values, layout, out, null);
        rate.count(Flops.attention(tokens, tokens, layout), device().fmaPeak());
        return out;
    }

    /**
     * Selection.
     *
     * @param rate counts it
     * @return the result, for JMH to keep
     */
    @Benchmark
    public BlockPattern select(Rate rate) {
        BlockPattern pattern = device().context().attention().select(queries, keys, logSumExp, layout, rule);
        rate.count(Flops.selection(tokens, tokens, layout), device().fmaPeak());
        return pattern;
    }
}
