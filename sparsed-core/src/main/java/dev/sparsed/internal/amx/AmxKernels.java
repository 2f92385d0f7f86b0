package dev.sparsed.internal.amx;

import dev.sparsed.internal.cpu.CpuAttention;
import dev.sparsed.internal.cpu.CpuKernels;
import dev.sparsed.internal.cpu.Linear;
import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.WorkerPool;
import dev.sparsed.internal.vector.VectorKernels;
import dev.sparsed.spi.Positions;
import java.util.List;

/** Linear layers and attention on tiles, everything else on vectors. */
final class AmxKernels implements CpuKernels {

    private final VectorKernels vectors;
    private final AmxLinear linear;
    private final AmxAttention attention;

    AmxKernels(NativeKernels kernels, PackedWeights packed, WorkerPool pool) {
        vectors = new VectorKernels(pool);
        linear = new AmxLinear(kernels, packed, pool);
        attention = new AmxAttention(kernels, pool);
    }

    @Override
    public void linear(Matrix x, List<Linear> layers) {
        linear.linear(x, layers);
    }

    @Override
    public void rmsNorm(Matrix x, Matrix weight, float epsilon, Matrix out) {
        vectors.rmsNorm(x, weight, epsilon, out);
    }

    @Override
    public void rope(Matrix x, int headDim, Matrix cos, Matrix sin, Positions rows) {
        vectors.rope(x, headDim, cos, sin, rows);
    }

    @Override
    public void swiGlu(Matrix gate, Matrix up, Matrix out) {
        vectors.swiGlu(gate, up, out);
    }

    @Override
    public void add(Matrix x, Matrix y) {
        vectors.add(x, y);
    }

    @Override
    public void guide(Matrix conditional, Matrix unconditional, float scale) {
        vectors.guide(conditional, unconditional, scale);
    }

    @Override
    public void greedy(Matrix logits, int[] tokens, float[] confidences) {
        vectors.greedy(logits, tokens, confidences);
    }

    @Override
    public CpuAttention attention() {
        return attention;
    }
}
