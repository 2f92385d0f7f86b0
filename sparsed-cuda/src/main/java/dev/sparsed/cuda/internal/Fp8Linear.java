package dev.sparsed.cuda.internal;

import dev.sparsed.cuda.internal.kernel.DeviceTensor;
import dev.sparsed.cuda.internal.kernel.QuantizedTensor;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.LinearLayer;
import dev.sparsed.spi.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Linear layers with weights of 8-bit floats: the input is quantized first, once for all layers it goes into. */
final class Fp8Linear implements AutoCloseable {

    private final Lane lane;
    private final CudaLinear others;
    private final Scratch scratch;

    /**
     * A request's linear layers.
     *
     * @param lane what the request has to itself
     * @param others serves weights that are not quantized
     * @param beforeMoving runs before an address that recordings may hold changes
     */
    Fp8Linear(Lane lane, CudaLinear others, Runnable beforeMoving) {
        this.lane = lane;
        this.others = others;
        this.scratch = new Scratch(lane.stream, "a quantized input", beforeMoving);
    }

    /** {@return whether one of the layers has a quantized weight} */
    static boolean serves(List<LinearLayer> layers) {
        return layers.stream().anyMatch(layer -> layer.weight() instanceof QuantizedTensor);
    }

    /**
     * {@code outs[i] = x·weights[i]ᵀ (+ biases[i])}.
     *
     * @param x BF16, {@code [rows, in]}
     * @param layers weights {@code [outᵢ, in]} and biases
     * @param outs BF16, {@code [rows, outᵢ]}
     */
    void run(Tensor x, List<LinearLayer> layers, List<Tensor> outs) {
        Arguments.check(layers.size() == outs.size(), () -> layers.size() + " layers, " + outs.size() + " outputs");
        DeviceTensor input = Arguments.tensor("x", x, DType.BF16);
        QuantizedTensor quantized = null;
        for (int i = 0; i < layers.size(); i++) {
            LinearLayer layer = layers.get(i);
            if (layer.weight() instanceof QuantizedTensor weight) {
                checkColumns(weight, input);
                if (quantized == null && input.rows() > 0) {
                    quantized = room(input);
                    fp8().quantizer.run(input.address(), input.dtype(), quantized);
                }
                multiply(input, quantized, weight, layer.bias(), outs.get(i));
            } else {
                others.run(x, List.of(layer), List.of(outs.get(i)));
            }
        }
    }

    /**
     * {@code out = (silu(gate) · up)·weightᵀ}.
     *
     * @param gate BF16, {@code [rows, in]}
     * @param up BF16, {@code [rows, in]}
     * @param weight {@code [out, in]}
     * @param out BF16, {@code [rows, out]}
     */
    void afterSwiGlu(DeviceTensor gate, DeviceTensor up, QuantizedTensor weight, Tensor out) {
        checkColumns(weight, gate);
        QuantizedTensor input = null;
        if (gate.rows() > 0) {
            input = room(gate);
            fp8().quantizer.swiGlu(gate, up, input);
        }
        multiply(gate, input, weight, null, out);
    }

    private QuantizedTensor room(DeviceTensor x) {
        long address = scratch.address(QuantizedTensor.bytes(x.rows(), x.columns()));
        return new QuantizedTensor(address, x.rows(), x.columns());
    }

    private static void checkColumns(QuantizedTensor weight, DeviceTensor x) {
        Arguments.check(
                weight.columns() == x.columns(), () -> "weight has " + weight.columns() + " columns, x " + x.columns());
    }

    /** @param quantized null if x has no rows */
    private void multiply(
            DeviceTensor x,
            @Nullable QuantizedTensor quantized,
            QuantizedTensor weight,
            @Nullable Tensor bias,
            Tensor out) {
        DeviceTensor result = Arguments.tensor("out", out, DType.BF16, x.rows(), weight.rows());
        if (quantized == null) {
            return;
        }
        if (bias != null) {
            lane.elementwise.repeatBias(result, Arguments.tensor("bias", bias, DType.F32, 1, result.columns()));
        }
        fp8().blas
                .multiply(
                        x.rows(),
                        weight.rows(),
                        weight.columns(),
                        quantized.address(),
                        quantized.scales(),
                        weight.address(),
                        weight.scales(),
                        bias == null ? 0 : 1,
                        result.address());
    }

    private Fp8 fp8() {
        Fp8 opened = lane.fp8;
        if (opened == null) {
            throw new IllegalArgumentException("a quantized weight on a backend that was opened without quantization");
        }
        return opened;
    }

    @Override
    public void close() {
        scratch.close();
    }
}
