package dev.sparsed.internal.amx;

import dev.sparsed.internal.cpu.CpuAttention;
import dev.sparsed.internal.cpu.Linear;
import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.WorkerPool;
import dev.sparsed.internal.vector.VectorKernels;
import java.util.List;

/** Linear layers and attention on tiles, everything else on vectors. */
final class AmxKernels extends VectorKernels {

    private final AmxLinear linear;
    private final AmxAttention attention;

    AmxKernels(ProductKernels products, AttentionKernels attention, PackedWeights packed, WorkerPool pool) {
        super(pool);
        linear = new AmxLinear(products, packed, pool);
        this.attention = new AmxAttention(attention, pool);
    }

    @Override
    public void linear(Matrix x, List<Linear> layers) {
        linear.linear(x, layers);
    }

    @Override
    public CpuAttention attention() {
        return attention;
    }
}
