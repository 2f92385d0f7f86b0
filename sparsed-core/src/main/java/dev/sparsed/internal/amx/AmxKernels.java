package dev.sparsed.internal.amx;

import dev.sparsed.internal.cpu.CpuAttention;
import dev.sparsed.internal.cpu.Linear;
import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.WorkerPool;
import dev.sparsed.internal.vector.VectorKernels;
import java.util.List;

/** Linear layers, the MLP and attention on tiles, everything else on vectors. */
final class AmxKernels extends VectorKernels {

    private final AmxLinear linear;
    private final AmxMlp mlp;
    private final AmxAttention attention;

    AmxKernels(ProductKernels products, AttentionKernels attention, PackedWeights packed, WorkerPool pool) {
        super(pool);
        PackedInput inputs = new PackedInput(products, pool);
        linear = new AmxLinear(products, packed, inputs, pool);
        mlp = new AmxMlp(products, packed, inputs, linear, pool);
        this.attention = new AmxAttention(attention, pool);
    }

    @Override
    public void linear(Matrix x, List<Linear> layers) {
        linear.linear(x, layers);
    }

    @Override
    public void mlp(Matrix x, Linear gate, Linear up, Linear down) {
        if (mlp.serves(gate.weight(), up.weight(), down.weight())) {
            mlp.mlp(x, gate.weight(), up.weight(), down.weight(), down.out());
        } else {
            super.mlp(x, gate, up, down);
        }
    }

    @Override
    public CpuAttention attention() {
        return attention;
    }
}
