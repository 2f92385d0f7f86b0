package dev.sparsed.bench;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.attention.RatioRule;
import dev.sparsed.attention.SelectionRule;
import dev.sparsed.spi.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** Dense attention, and the one that selects the blocks to keep, once per generation. */
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
     * Dense attention that selects: what it takes longer than {@link #dense} is the price of the selection.
     *
     * @param rate counts it
     * @return the result, for JMH to keep
     */
    @Benchmark
    public BlockPattern denseAndSelect(Rate rate) {
        BlockPattern pattern =
                device().context().attention().denseAndSelect(queries, keys, values, layout, out, logSumExp, rule);
        rate.count(Flops.attention(tokens, tokens, layout), device().fmaPeak());
        return pattern;
    }
}
