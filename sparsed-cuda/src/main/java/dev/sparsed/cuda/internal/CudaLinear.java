package dev.sparsed.cuda.internal;

import dev.sparsed.cuda.internal.driver.Blas;
import dev.sparsed.cuda.internal.kernel.DeviceTensor;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.LinearLayer;
import dev.sparsed.spi.Tensor;
import java.util.List;

/** Linear layers by cuBLAS. A bias is laid into the output first, and the product added to it. */
final class CudaLinear {

    /** Below, two products of one shape in one call save a launch and fill the GPU better; above, each fills it alone. */
    private static final int ROWS_TO_BATCH = 1024;

    private final Lane lane;
    private final DType dtype;

    /**
     * A request's linear layers.
     *
     * @param lane what the request has to itself
     * @param dtype type of activations and weights
     */
    CudaLinear(Lane lane, DType dtype) {
        this.lane = lane;
        this.dtype = dtype;
    }

    /**
     * {@code outs[i] = x·weights[i]ᵀ (+ biases[i])}.
     *
     * @param x {@code [rows, in]}
     * @param layers weights {@code [outᵢ, in]} and biases
     * @param outs {@code [rows, outᵢ]}; the context's type or F32
     */
    void run(Tensor x, List<LinearLayer> layers, List<Tensor> outs) {
        Arguments.check(layers.size() == outs.size(), () -> layers.size() + " layers, " + outs.size() + " outputs");
        DeviceTensor input = Arguments.tensor("x", x, dtype);
        for (int i = 0; i < layers.size(); i++) {
            DeviceTensor weight = weight(input, layers.get(i));
            DeviceTensor out = output(input, weight, outs.get(i));
            float beta = repeatBias(layers.get(i), out);
            if (i + 1 < layers.size() && input.rows() <= ROWS_TO_BATCH) {
                DeviceTensor nextWeight = weight(input, layers.get(i + 1));
                DeviceTensor nextOut = output(input, nextWeight, outs.get(i + 1));
                boolean alike =
                        (layers.get(i).bias() == null) == (layers.get(i + 1).bias() == null);
                if (alike && canMultiplyBoth(weight, nextWeight, out, nextOut)) {
                    repeatBias(layers.get(++i), nextOut);
                    multiplyBoth(input, weight, nextWeight, beta, out, nextOut);
                    continue;
                }
            }
            multiply(input, weight, beta, out);
        }
    }

    private DeviceTensor weight(DeviceTensor x, LinearLayer layer) {
        return Arguments.tensor("weight", layer.weight(), dtype, layer.weight().rows(), x.columns());
    }

    private static DeviceTensor output(DeviceTensor x, DeviceTensor weight, Tensor out) {
        DeviceTensor result = Arguments.tensor("out", out, null, x.rows(), weight.rows());
        Arguments.check(result.address() != x.address() || x.rows() == 0, () -> "x and out are the same tensor");
        return result;
    }

    private void multiply(DeviceTensor x, DeviceTensor weight, float beta, DeviceTensor out) {
        if (x.rows() > 0) {
            lane.blas.multiply(shape(x, weight, out), 1, operand(x, 0), operand(weight, 0), beta, operand(out, 0));
        }
    }

    /** {@return whether weights and outputs are of one shape and follow each other in memory in the same order} */
    private static boolean canMultiplyBoth(DeviceTensor a, DeviceTensor b, DeviceTensor outA, DeviceTensor outB) {
        return a.rows() == b.rows()
                && outA.dtype() == outB.dtype()
                && outA.rows() > 0
                && b.address() > a.address()
                && outB.address() > outA.address();
    }

    private void multiplyBoth(
            DeviceTensor x, DeviceTensor a, DeviceTensor b, float beta, DeviceTensor outA, DeviceTensor outB) {
        long strideW = (b.address() - a.address()) / a.dtype().bytes();
        long strideC = (outB.address() - outA.address()) / outA.dtype().bytes();
        lane.blas.multiply(shape(x, a, outA), 2, operand(x, 0), operand(a, strideW), beta, operand(outA, strideC));
    }

    private static Blas.Operand operand(DeviceTensor matrix, long stride) {
        return new Blas.Operand(matrix.address(), matrix.columns(), stride);
    }

    private static Blas.Shape shape(DeviceTensor x, DeviceTensor weight, DeviceTensor out) {
        return new Blas.Shape(x.rows(), weight.rows(), x.columns(), type(x.dtype()), type(out.dtype()));
    }

    private static Blas.Type type(DType dtype) {
        return dtype == DType.F32 ? Blas.Type.F32 : Blas.Type.BF16;
    }

    /** {@return the factor of what lies in {@code out}: 1 if that is a bias now} */
    private float repeatBias(LinearLayer layer, DeviceTensor out) {
        if (layer.bias() == null || out.rows() == 0) {
            return 0;
        }
        lane.elementwise.repeatBias(out, Arguments.tensor("bias", layer.bias(), DType.F32, 1, out.columns()));
        return 1;
    }
}
