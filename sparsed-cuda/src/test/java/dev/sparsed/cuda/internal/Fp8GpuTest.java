package dev.sparsed.cuda.internal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sparsed.cuda.RequiresGpu;
import dev.sparsed.cuda.internal.driver.CudaDevice;
import dev.sparsed.cuda.internal.driver.CudaStream;
import dev.sparsed.cuda.internal.driver.DeviceBuffer;
import dev.sparsed.cuda.internal.kernel.DeviceTensor;
import dev.sparsed.cuda.internal.kernel.KernelModules;
import dev.sparsed.cuda.internal.kernel.QuantizedTensor;
import dev.sparsed.cuda.internal.kernel.Quantizer;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.ExecutionContext;
import dev.sparsed.spi.LinearLayer;
import dev.sparsed.spi.Quantization;
import dev.sparsed.spi.SwiGluMlp;
import dev.sparsed.spi.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Linear layers of 8-bit floats against {@link E4m3} and sums in double. Needs a GPU of compute capability 9.0. */
@RequiresGpu
class Fp8GpuTest {

    private static final int[] COLUMNS = {16, 48, 64, 1040, 4096, 12_288, 12_320};

    private final Random random = new Random(1);

    /** Normally distributed, as bf16 has them, with rows of very different size, and a row of zeros. */
    private float[] values(int rows, int columns) {
        float[] values = new float[rows * columns];
        for (int i = 0; i < values.length; i++) {
            int row = i / columns;
            float spread = row == 2 ? 0 : (float) Math.scalb(1.0, row % 9 - 4);
            values[i] = Samples.bf16(spread * (float) random.nextGaussian());
        }
        return values;
    }

    /** What a matrix on the device stands for. */
    private static double[] widened(CudaStream stream, QuantizedTensor matrix) {
        byte[] codes = new byte[matrix.rows() * matrix.columns()];
        float[] scales = new float[matrix.rows()];
        stream.download(matrix.address(), MemorySegment.ofArray(codes));
        stream.download(matrix.scales(), MemorySegment.ofArray(scales));
        double[] values = new double[codes.length];
        for (int i = 0; i < codes.length; i++) {
            values[i] = E4m3.value(codes[i]) * scales[i / matrix.columns()];
        }
        return values;
    }

    @Test
    void quantizesToTheNearest() {
        try (CudaDevice device = CudaDevice.open(0);
                KernelModules modules = new KernelModules(device);
                CudaStream stream = new CudaStream(device);
                Quantizer quantizer = new Quantizer(modules, stream)) {
            for (int columns : COLUMNS) {
                int rows = 11;
                for (DType source : new DType[] {DType.F32, DType.F16, DType.BF16}) {
                    float[] x = values(rows, columns);
                    if (source == DType.F16) {
                        for (int i = 0; i < x.length; i++) {
                            x[i] = Float.float16ToFloat(Float.floatToFloat16(x[i]));
                        }
                    }
                    MemorySegment data = Samples.encoded(x, source);
                    try (DeviceBuffer from = device.memory().allocate(data.byteSize(), "a test");
                            DeviceBuffer to =
                                    device.memory().allocate(QuantizedTensor.bytes(rows, columns), "a test")) {
                        stream.upload(data, from.address());
                        QuantizedTensor quantized = new QuantizedTensor(to.address(), rows, columns);
                        quantizer.run(from.address(), source, quantized);
                        double[] actual = widened(stream, quantized);
                        double[] expected = E4m3.rounded(x, rows);
                        for (int i = 0; i < actual.length; i++) {
                            assertThat(actual[i])
                                    .as("%s, row %d of %d columns: %s", source, i / columns, columns, x[i])
                                    .isEqualTo(expected[i]);
                        }
                    }
                }
            }
        }
    }

    @Test
    void quantizesWhatSwiGluGives() {
        try (CudaDevice device = CudaDevice.open(0);
                KernelModules modules = new KernelModules(device);
                CudaStream stream = new CudaStream(device);
                Quantizer quantizer = new Quantizer(modules, stream)) {
            for (int columns : COLUMNS) {
                int rows = 11;
                float[] gate = values(rows, columns);
                float[] up = values(rows, columns);
                try (DeviceBuffer g = device.memory().allocate(2L * gate.length, "a test");
                        DeviceBuffer u = device.memory().allocate(2L * up.length, "a test");
                        DeviceBuffer to = device.memory().allocate(QuantizedTensor.bytes(rows, columns), "a test")) {
                    stream.upload(Samples.encoded(gate, DType.BF16), g.address());
                    stream.upload(Samples.encoded(up, DType.BF16), u.address());
                    QuantizedTensor quantized = new QuantizedTensor(to.address(), rows, columns);
                    quantizer.swiGlu(
                            new DeviceTensor(g.address(), DType.BF16, rows, columns),
                            new DeviceTensor(u.address(), DType.BF16, rows, columns),
                            quantized);
                    double[] actual = widened(stream, quantized);
                    for (int row = 0; row < rows; row++) {
                        double largest = 0;
                        double[] expected = new double[columns];
                        for (int i = 0; i < columns; i++) {
                            double z = gate[row * columns + i];
                            expected[i] = z / (1 + Math.exp(-z)) * up[row * columns + i];
                            largest = Math.max(largest, Math.abs(expected[i]));
                        }
                        for (int i = 0; i < columns; i++) {
                            // half a step: 2^-4 of a normal value, 2^-10 scales of a smaller one; and float32's
                            // rounding
                            double bound = Math.max(Math.abs(expected[i]) * 0x1p-4, largest / 448 * 0x1p-10);
                            assertThat(Math.abs(actual[row * columns + i] - expected[i]))
                                    .as("row %d, column %d of %d", row, i, columns)
                                    .isLessThanOrEqualTo(bound * 1.0001 + 1e-30);
                        }
                    }
                }
            }
        }
    }

    private static Tensor weight(CudaBackend backend, float[] values, int rows, int columns) {
        return backend.uploadLinear(Samples.matrix(values, DType.BF16, rows, columns));
    }

    private static Tensor activation(CudaBackend backend, float[] values, int rows, int columns) {
        return backend.upload(Samples.matrix(values, DType.BF16, rows, columns));
    }

    @Test
    void multiplies() {
        try (CudaBackend backend = new CudaBackend(DType.BF16, Quantization.FP8);
                ExecutionContext context = backend.newContext()) {
            for (int rows : new int[] {1, 3, 7, 129, 300}) {
                for (int in : new int[] {16, 48, 1040}) {
                    for (int out : new int[] {16, 64, 528}) {
                        float[] x = values(rows, in);
                        float[] a = values(out, in);
                        float[] b = values(out, in);
                        float[] bias = values(1, out);
                        Tensor first = context.allocate(rows, out);
                        Tensor second = context.allocate(rows, out);
                        Tensor weight = weight(backend, a, out, in);
                        assertThat(weight).isInstanceOf(QuantizedTensor.class);
                        context.linear(
                                activation(backend, x, rows, in),
                                List.of(
                                        new LinearLayer(weight, null),
                                        new LinearLayer(weight(backend, b, out, in), backend.constant(bias, 1, out))),
                                List.of(first, second));
                        double[] rounded = E4m3.rounded(x, rows);
                        assertProduct(context, first, rounded, E4m3.rounded(a, out), new float[out]);
                        assertProduct(context, second, rounded, E4m3.rounded(b, out), bias);
                    }
                }
            }
        }
    }

    private static void assertProduct(ExecutionContext context, Tensor c, double[] x, double[] w, float[] bias) {
        float[] actual = new float[c.rows() * c.columns()];
        context.download(c, actual);
        int in = x.length / c.rows();
        for (int i = 0; i < c.rows(); i++) {
            for (int j = 0; j < c.columns(); j++) {
                double sum = bias[j];
                double magnitude = Math.abs(bias[j]);
                double largest = 0;
                for (int l = 0; l < in; l++) {
                    double product = x[i * in + l] * w[j * in + l];
                    sum += product;
                    magnitude += Math.abs(product);
                    largest = Math.max(largest, Math.abs(product));
                }
                // Rounded to bf16, with a bias once more: cuBLAS may round the product before it adds the bias. The
                // tensor cores
                // cut every product off 13 bits below the largest they add it to (arXiv 2412.19437, 3.5.2), and partial
                // sums
                // likewise until they are added up in float32.
                double bound = Math.abs(sum) * 0x1p-8
                        + (bias[j] == 0 ? 0 : Math.abs(sum - bias[j]) * 0x1p-8)
                        + in * largest * 0x1p-13
                        + magnitude * 0x1p-12;
                assertThat(Math.abs(actual[i * c.columns() + j] - sum))
                        .as("[%d, %d] times %d, row %d, column %d", c.rows(), in, c.columns(), i, j)
                        .isLessThanOrEqualTo(bound);
            }
        }
    }

    @Test
    void computesAnMlp() {
        int rows = 77;
        int in = 128;
        int inner = 704;
        int out = 256;
        float[] x = values(rows, in);
        float[] gate = values(inner, in);
        float[] up = values(inner, in);
        float[] down = values(out, inner);
        double[][] expected = mlp(x, gate, up, down, rows, in, inner, out);
        double[] error = new double[2];
        int which = 0;
        for (Quantization quantization : List.of(Quantization.NONE, Quantization.FP8)) {
            try (CudaBackend backend = new CudaBackend(DType.BF16, quantization);
                    ExecutionContext context = backend.newContext()) {
                Tensor result = context.allocate(rows, out);
                context.mlp(
                        activation(backend, x, rows, in),
                        new SwiGluMlp(
                                weight(backend, gate, inner, in),
                                weight(backend, up, inner, in),
                                weight(backend, down, out, inner)),
                        context.allocate(rows, inner),
                        context.allocate(rows, inner),
                        result);
                float[] actual = new float[rows * out];
                context.download(result, actual);
                error[which++] = largestError(actual, expected);
            }
        }
        // The same roundings of such numbers in double give 0.006 and 0.10.
        assertThat(error[0]).as("bf16").isLessThan(0.01);
        assertThat(error[1]).as("fp8").isBetween(0.03, 0.2);
    }

    private static double[][] mlp(
            float[] x, float[] gate, float[] up, float[] down, int rows, int in, int inner, int out) {
        double[][] result = new double[rows][out];
        for (int i = 0; i < rows; i++) {
            for (int l = 0; l < inner; l++) {
                double z = 0;
                double y = 0;
                for (int k = 0; k < in; k++) {
                    z += (double) x[i * in + k] * gate[l * in + k];
                    y += (double) x[i * in + k] * up[l * in + k];
                }
                double gated = z / (1 + Math.exp(-z)) * y;
                for (int j = 0; j < out; j++) {
                    result[i][j] += gated * down[j * inner + l];
                }
            }
        }
        return result;
    }

    /** {@return the largest of all rows' errors, each relative to that row's length} */
    private static double largestError(float[] actual, double[][] expected) {
        double worst = 0;
        for (int i = 0; i < expected.length; i++) {
            double difference = 0;
            double length = 1e-30;
            for (int j = 0; j < expected[i].length; j++) {
                difference += Math.pow(actual[i * expected[i].length + j] - expected[i][j], 2);
                length += expected[i][j] * expected[i][j];
            }
            worst = Math.max(worst, Math.sqrt(difference / length));
        }
        return worst;
    }

    @Test
    void keepsWhatCannotBeQuantized() {
        try (CudaBackend backend = new CudaBackend(DType.BF16, Quantization.FP8);
                ExecutionContext context = backend.newContext()) {
            float[] x = values(5, 24);
            float[] w = values(16, 24);
            Tensor weight = weight(backend, w, 16, 24);
            assertThat(weight).isInstanceOf(DeviceTensor.class);
            Tensor result = context.allocate(5, 16);
            context.linear(activation(backend, x, 5, 24), weight, null, result);
            float[] actual = new float[5 * 16];
            context.download(result, actual);
            for (int i = 0; i < 5; i++) {
                for (int j = 0; j < 16; j++) {
                    double sum = 0;
                    for (int l = 0; l < 24; l++) {
                        sum += (double) x[i * 24 + l] * w[j * 24 + l];
                    }
                    assertThat((double) actual[i * 16 + j])
                            .isCloseTo(sum, org.assertj.core.api.Assertions.within(Math.abs(sum) * 0x1p-8 + 1e-3));
                }
            }
        }
    }

    @Test
    void refusesWrongSizes() {
        try (CudaBackend backend = new CudaBackend(DType.BF16, Quantization.FP8);
                ExecutionContext context = backend.newContext()) {
            Tensor weight = weight(backend, values(16, 32), 16, 32);
            assertThatThrownBy(() -> context.linear(context.allocate(4, 48), weight, null, context.allocate(4, 16)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("32 columns, x 48");
            assertThatThrownBy(() -> context.linear(context.allocate(4, 32), weight, null, context.allocate(4, 32)))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThat(backend.info().device()).contains("8-bit floats", "cuBLASLt");
        }
    }
}
