package dev.sparsed.bench;

import dev.sparsed.spi.Positions;
import dev.sparsed.spi.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** The operations that treat every row by itself, at the widths of the model S. Memory bounds them, not arithmetic. */
public class RowBenchmark extends KernelBenchmark {

    private static final int HIDDEN = 1024;
    private static final int MLP = 2816;
    private static final int HEAD_DIM = 64;

    /** Name of the backend; the benchmark fails if it cannot run. */
    @Param("vector")
    public String backend;

    /** Threads that work on one operation; 0 for all processors. */
    @Param("0")
    public int threads;

    /** Tokens. */
    @Param("512")
    public int rows;

    private Tensor x;
    private Tensor normWeight;
    private Tensor out;
    private Tensor cos;
    private Tensor sin;
    private Positions positions;
    private Tensor gate;
    private Tensor up;
    private Tensor gated;

    /** For JMH. */
    public RowBenchmark() {}

    /** Makes the operands. */
    @Setup
    public void open() {
        Device device = open(backend, threads);
        x = device.activation(rows, HIDDEN);
        normWeight = device.activation(1, HIDDEN);
        out = device.empty(rows, HIDDEN);
        cos = device.ropeTable(rows, HEAD_DIM, Math::cos);
        sin = device.ropeTable(rows, HEAD_DIM, Math::sin);
        positions = Positions.range(0, rows);
        gate = device.activation(rows, MLP);
        up = device.activation(rows, MLP);
        gated = device.empty(rows, MLP);
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
        rate.count(Flops.rmsNorm(rows, HIDDEN), device().fmaPeak());
        return out;
    }

    /**
     * RoPE, in place.
     *
     * @param rate counts it
     * @return the result, for JMH to keep
     */
    @Benchmark
    public Tensor rope(Rate rate) {
        device().context().rope(x, HEAD_DIM, cos, sin, positions);
        rate.count(Flops.rope(rows, HIDDEN), device().fmaPeak());
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
        device().context().swiGlu(gate, up, gated);
        rate.count(Flops.swiGlu(rows, MLP), device().fmaPeak());
        return gated;
    }
}
