package dev.sparsed.bench;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.attention.RatioRule;
import dev.sparsed.attention.SelectionRule;
import dev.sparsed.spi.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** Dense attention, and the selection that follows it once per generation. */
public class AttentionBenchmark extends AttentionOperands {

    private static final int GENERATED = 128;
    private static final int BLOCK_SIZE = 128;

    /** Features of a head. */
    @Param({"64", "128"})
    public int headDim;

    private SelectionRule rule;
    private Tensor logSumExp;

    /** For JMH. */
    public AttentionBenchmark() {}

    /** Makes the operands. */
    @Setup
    public void open() {
        open(headDim);
        rule = new RatioRule(new BlockLayout(tokens, Math.min(tokens, GENERATED), BLOCK_SIZE), 0.3);
        logSumExp = device().empty(tokens, heads);
        device().context().attention().dense(queries, keys, values, layout, out, logSumExp);
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
