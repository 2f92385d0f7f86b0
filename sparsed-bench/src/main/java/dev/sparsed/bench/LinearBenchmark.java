package dev.sparsed.bench;

import dev.sparsed.spi.DType;
import dev.sparsed.spi.Tensor;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/** The matrix product of a linear layer, at the shapes of the models S (1024, 2816) and M (2048, 5632). */
public class LinearBenchmark extends KernelBenchmark {

    /** Name of the backend; the benchmark fails if it cannot run. */
    @Param("vector")
    public String backend;

    /** Threads that work on one operation; 0 for all processors. */
    @Param("0")
    public int threads;

    /** Tokens. */
    @Param("512")
    public int rows;

    /** Features in and out. */
    @Param({"1024x1024", "1024x2816", "2816x1024", "1024x32768", "2048x2048", "2048x5632", "5632x2048"})
    public String shape;

    /** Element type of the weights: BF16 or F32. */
    @Param({"BF16", "F32"})
    public DType dtype;

    private Tensor x;
    private Tensor weight;
    private Tensor out;

    /** For JMH. */
    public LinearBenchmark() {}

    /** Makes the operands. */
    @Setup
    public void open() {
        String[] features = shape.split("x");
        int columns = Integer.parseInt(features[0]);
        int outputs = Integer.parseInt(features[1]);
        Device device = open(backend, threads);
        weight = device.weight(dtype, outputs, columns);
        x = device.activation(rows, columns);
        out = device.empty(rows, outputs);
    }

    /**
     * One product.
     *
     * @param rate counts it
     * @return the result, for JMH to keep
     */
    @Benchmark
    public Tensor linear(Rate rate) {
        device().context().linear(x, weight, null, out);
        rate.count(Flops.linear(rows, x.columns(), out.columns()), device().fmaPeak());
        return out;
    }
}
