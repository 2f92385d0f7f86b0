package dev.sparsed.internal.vector;

import dev.sparsed.attention.BlockPattern;
import dev.sparsed.attention.SelectionRule;
import dev.sparsed.internal.cpu.CpuKernels;
import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.Weights;
import dev.sparsed.internal.cpu.WorkerPool;
import dev.sparsed.spi.HeadLayout;
import dev.sparsed.spi.Positions;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/**
 * Every operation in the Vector API. Vectors have the width this processor prefers; results do not depend on the
 * number of threads. Needs the module {@code jdk.incubator.vector}: see {@link VectorBackendProvider}.
 */
public final class VectorKernels implements CpuKernels {

    private final WorkerPool pool;
    private final Gemm gemm;
    private final VectorAttention attention;

    /**
     * Kernels of one request.
     *
     * @param pool threads to work on
     */
    public VectorKernels(WorkerPool pool) {
        this.pool = pool;
        this.gemm = new Gemm(pool);
        this.attention = new VectorAttention(pool);
    }

    /** {@return what the kernels compute with, for people} */
    static String device() {
        int bits = FloatVector.SPECIES_PREFERRED.vectorBitSize();
        return "Vector API, " + bits + " bits (" + FloatVector.SPECIES_PREFERRED.length() + " floats)";
    }

    @Override
    public void linear(Matrix x, Weights w, @Nullable Matrix bias, Matrix out) {
        gemm.linear(x, w, bias, out);
    }

    @Override
    public void rmsNorm(Matrix x, Matrix weight, float epsilon, Matrix out) {
        Norm.rmsNorm(pool, x, weight, epsilon, out);
    }

    @Override
    public void rope(Matrix x, int headDim, Matrix cos, Matrix sin, Positions rows) {
        Rope.rope(pool, x, headDim, cos, sin, rows);
    }

    @Override
    public void swiGlu(Matrix gate, Matrix up, Matrix out) {
        SwiGlu.swiGlu(pool, gate, up, out);
    }

    @Override
    public void add(Matrix x, Matrix y) {
        Elementwise.add(pool, x, y);
    }

    @Override
    public void guide(Matrix conditional, Matrix unconditional, float scale) {
        Elementwise.guide(pool, conditional, unconditional, scale);
    }

    @Override
    public void greedy(Matrix logits, int[] tokens, float[] confidences) {
        Greedy.greedy(pool, logits, tokens, confidences);
    }

    @Override
    public void denseAttention(Matrix q, Matrix k, Matrix v, HeadLayout heads, Matrix out, @Nullable Matrix logSumExp) {
        attention.dense(q, k, v, heads, out, logSumExp);
    }

    @Override
    public void blockSparseAttention(
            Matrix q, Positions rows, Matrix k, Matrix v, HeadLayout heads, BlockPattern pattern, Matrix out) {
        attention.blockSparse(q, rows, k, v, heads, pattern, out);
    }

    @Override
    public BlockPattern selectBlocks(Matrix q, Matrix k, Matrix logSumExp, HeadLayout heads, SelectionRule rule) {
        return attention.select(q, k, logSumExp, heads, rule);
    }
}
