package dev.sparsed.internal.vector;

import dev.sparsed.internal.cpu.CpuAttention;
import dev.sparsed.internal.cpu.CpuKernels;
import dev.sparsed.internal.cpu.Linear;
import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.WorkerPool;
import dev.sparsed.spi.Positions;
import java.util.List;
import jdk.incubator.vector.FloatVector;

/**
 * Every operation in the Vector API. Vectors have the width this processor prefers; results do not depend on the
 * number of threads. Needs the module {@code jdk.incubator.vector}: see {@link VectorBackendProvider}.
 */
public class VectorKernels implements CpuKernels {

    private final Gemm gemm;
    private final Norm norm;
    private final Rope rope;
    private final SwiGlu swiGlu;
    private final ResidualSum residualSum;
    private final Guidance guidance;
    private final Greedy greedy;
    private final VectorAttention attention;

    /**
     * Kernels of one request.
     *
     * @param pool threads to work on
     */
    public VectorKernels(WorkerPool pool) {
        gemm = new Gemm(pool);
        norm = new Norm(pool);
        rope = new Rope(pool);
        swiGlu = new SwiGlu(pool);
        residualSum = new ResidualSum(pool);
        guidance = new Guidance(pool);
        greedy = new Greedy(pool);
        attention = new VectorAttention(pool);
    }

    /** {@return what the kernels compute with, for people} */
    static String device() {
        int bits = FloatVector.SPECIES_PREFERRED.vectorBitSize();
        return "Vector API, " + bits + " bits (" + FloatVector.SPECIES_PREFERRED.length() + " floats)";
    }

    @Override
    public void linear(Matrix x, List<Linear> layers) {
        gemm.linear(x, layers);
    }

    @Override
    public void rmsNorm(Matrix x, Matrix weight, float epsilon, Matrix out) {
        norm.rmsNorm(x, weight, epsilon, out);
    }

    @Override
    public void rope(Matrix x, int headDim, Matrix cos, Matrix sin, Positions rows) {
        rope.rope(x, headDim, cos, sin, rows);
    }

    @Override
    public void swiGlu(Matrix gate, Matrix up, Matrix out) {
        swiGlu.swiGlu(gate, up, out);
    }

    @Override
    public void add(Matrix x, Matrix y) {
        residualSum.add(x, y);
    }

    @Override
    public void guide(Matrix conditional, Matrix unconditional, float scale) {
        guidance.guide(conditional, unconditional, scale);
    }

    @Override
    public void greedy(Matrix logits, int[] tokens, float[] confidences) {
        greedy.greedy(logits, tokens, confidences);
    }

    @Override
    public CpuAttention attention() {
        return attention;
    }
}
