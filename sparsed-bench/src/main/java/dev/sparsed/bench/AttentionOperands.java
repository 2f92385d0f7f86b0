package dev.sparsed.bench;

import dev.sparsed.spi.HeadLayout;
import dev.sparsed.spi.Tensor;
import org.openjdk.jmh.annotations.Param;

/** The parameters and operands that the benchmarks of attention share. */
public abstract class AttentionOperands extends KernelBenchmark {

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

    /** How the columns split into heads. */
    protected HeadLayout layout;

    /** {@code [tokens, queryColumns]}. */
    protected Tensor queries;

    /** {@code [tokens, keyValueColumns]}. */
    protected Tensor keys;

    /** {@code [tokens, keyValueColumns]}. */
    protected Tensor values;

    /** {@code [tokens, queryColumns]}. */
    protected Tensor out;

    /** For JMH. */
    protected AttentionOperands() {}

    /**
     * Opens the backend and makes the operands.
     *
     * @param headDim features of a head
     */
    final void open(int headDim) {
        Device device = open(backend, threads);
        layout = new HeadLayout(heads, heads, headDim);
        queries = device.activation(tokens, layout.queryColumns());
        keys = device.activation(tokens, layout.keyValueColumns());
        values = device.activation(tokens, layout.keyValueColumns());
        out = device.empty(tokens, layout.queryColumns());
    }
}
