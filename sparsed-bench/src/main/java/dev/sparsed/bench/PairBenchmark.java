package dev.sparsed.bench;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.attention.RatioRule;
import dev.sparsed.attention.SelectionRule;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.HeadLayout;
import dev.sparsed.spi.Positions;
import dev.sparsed.spi.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** Every kernel family in scalar/vector pairs, on one thread, small enough for the scalar kernels: an operation takes them under 100 ms. */
public class PairBenchmark extends KernelBenchmark {

    private static final int ROWS = 256;
    private static final int COLUMNS = 512;
    private static final HeadLayout HEADS = new HeadLayout(2, 2, 64);
    private static final BlockLayout BLOCKS = new BlockLayout(ROWS, 64, 32);

    /** Name of the backend; the benchmark fails if it cannot run. */
    @Param({"scalar", "vector"})
    public String backend;

    /** Threads that work on one operation. */
    @Param("1")
    public int threads;

    private Tensor x;
    private Tensor y;
    private Tensor out;
    private Tensor normWeight;
    private Tensor bf16;
    private Tensor f32;
    private Tensor cos;
    private Tensor sin;
    private Positions rows;
    private Tensor queries;
    private Tensor keys;
    private Tensor values;
    private Tensor attended;
    private Tensor logSumExp;
    private SelectionRule rule;
    private BlockPattern pattern;

    /** For JMH. */
    public PairBenchmark() {}

    /** Makes the operands. */
    @Setup
    public void open() {
        Device device = open(backend, threads);
        x = device.activation(ROWS, COLUMNS);
        y = device.activation(ROWS, COLUMNS);
        out = device.empty(ROWS, COLUMNS);
        normWeight = device.activation(1, COLUMNS);
        bf16 = device.weight(DType.BF16, COLUMNS, COLUMNS);
        f32 = device.weight(DType.F32, COLUMNS, COLUMNS);
        cos = device.ropeTable(ROWS, HEADS.headDim(), Math::cos);
        sin = device.ropeTable(ROWS, HEADS.headDim(), Math::sin);
        rows = Positions.range(0, ROWS);
        queries = device.activation(ROWS, HEADS.queryColumns());
        keys = device.activation(ROWS, HEADS.keyValueColumns());
        values = device.activation(ROWS, HEADS.keyValueColumns());
        attended = device.empty(ROWS, HEADS.queryColumns());
        logSumExp = device.empty(ROWS, HEADS.queryHeads());
        rule = new RatioRule(BLOCKS, 0.3);
        pattern = device.pattern(BLOCKS, HEADS.queryHeads(), 0.3);
    }

    /**
     * Matrix product with bf16 weights.
     *
     * @param rate counts it
     * @return the result, for JMH to keep
     */
    @Benchmark
    public Tensor linearBf16(Rate rate) {
        device().context().linear(x, bf16, null, out);
        rate.count(Flops.linear(ROWS, COLUMNS, COLUMNS), device().fmaPeak());
        return out;
    }

    /**
     * Matrix product with f32 weights.
     *
     * @param rate counts it
     * @return the result, for JMH to keep
     */
    @Benchmark
    public Tensor linearF32(Rate rate) {
        device().context().linear(x, f32, null, out);
        rate.count(Flops.linear(ROWS, COLUMNS, COLUMNS), device().fmaPeak());
        return out;
    }

    /**
     * RMSNorm.
     *
     * @param rate counts it
     * @return the result, for JMH to keep
     */
    @Benchmark
    public Tensor rmsNorm(Rate rate) {
        device().context().rmsNorm(x, normWeight, 1e-5f, out);
        rate.count(Flops.rmsNorm(ROWS, COLUMNS), device().fmaPeak());
        return out;
    }

    /**
     * RoPE.
     *
     * @param rate counts it
     * @return the result, for JMH to keep
     */
    @Benchmark
    public Tensor rope(Rate rate) {
        device().context().rope(x, HEADS.headDim(), cos, sin, rows);
        rate.count(Flops.rope(ROWS, COLUMNS), device().fmaPeak());
        return out;
    }

    /**
     * SwiGLU.
     *
     * @param rate counts it
     * @return the result, for JMH to keep
     */
    @Benchmark
    public Tensor swiGlu(Rate rate) {
        device().context().swiGlu(x, y, out);
        rate.count(Flops.swiGlu(ROWS, COLUMNS), device().fmaPeak());
        return out;
    }

    /**
     * Dense attention.
     *
     * @param rate counts it
     * @return the result, for JMH to keep
     */
    @Benchmark
    public Tensor denseAttention(Rate rate) {
        device().context().attention().dense(queries, keys, values, HEADS, attended, null);
        rate.count(Flops.attention(ROWS, ROWS, HEADS), device().fmaPeak());
        return attended;
    }

    /**
     * Block-sparse attention.
     *
     * @param rate counts it
     * @return the result, for JMH to keep
     */
    @Benchmark
    public Tensor blockSparseAttention(Rate rate) {
        device().context().attention().blockSparse(queries, rows, keys, values, HEADS, pattern, attended);
        rate.count(pattern.density() * Flops.attention(ROWS, ROWS, HEADS), device().fmaPeak());
        return attended;
    }

    /**
     * Dense attention that selects.
     *
     * @param rate counts it
     * @return the result, for JMH to keep
     */
    @Benchmark
    public BlockPattern denseAndSelect(Rate rate) {
        BlockPattern selected =
                device().context().attention().denseAndSelect(queries, keys, values, HEADS, attended, logSumExp, rule);
        rate.count(Flops.attention(ROWS, ROWS, HEADS), device().fmaPeak());
        return selected;
    }
}
