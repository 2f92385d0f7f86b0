package dev.sparsed.cuda.internal.driver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sparsed.cuda.RequiresGpu;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

@RequiresGpu
class BlasGpuTest {

    private CudaDevice device;
    private CudaStream stream;

    @BeforeEach
    void open() {
        device = CudaDevice.open(0);
        stream = new CudaStream(device);
    }

    @AfterEach
    void close() {
        stream.close();
        device.close();
    }

    static Stream<Arguments> products() {
        int[][] sizes = {{1, 1, 1}, {1, 64, 128}, {3, 5, 7}, {33, 127, 129}, {127, 256, 512}, {64, 1000, 4096}};
        return Stream.of(BlasLibrary.values())
                .flatMap(library -> Stream.of(
                                new Blas.Type[] {Blas.Type.F32, Blas.Type.F32},
                                new Blas.Type[] {Blas.Type.BF16, Blas.Type.F32},
                                new Blas.Type[] {Blas.Type.BF16, Blas.Type.BF16})
                        .flatMap(types -> Stream.of(sizes)
                                .map(size -> Arguments.of(
                                        library, new Blas.Shape(size[0], size[1], size[2], types[0], types[1])))));
    }

    /** Against sums in double of the very numbers the device has, which are rounded to bf16 first where the inputs are. */
    @ParameterizedTest
    @MethodSource("products")
    void multiplies(BlasLibrary library, Blas.Shape shape) {
        try (Blas blas = open(library)) {
            int ldx = shape.k() + 3;
            int ldc = shape.n() + 2;
            Numbers x = new Numbers(1, shape.m() * ldx, shape.inputType());
            Numbers w = new Numbers(2, shape.n() * shape.k(), shape.inputType());
            Numbers c = new Numbers(3, shape.m() * ldc, shape.outputType());
            try (DeviceBuffer dx = x.upload();
                    DeviceBuffer dw = w.upload();
                    DeviceBuffer dc = c.upload()) {
                blas.multiply(shape, 1, operand(dx, ldx), operand(dw, shape.k()), 1f, operand(dc, ldc));
                double[] result = Numbers.download(this, dc, shape.outputType(), shape.m() * ldc);
                for (int i = 0; i < shape.m(); i++) {
                    for (int j = 0; j < ldc; j++) {
                        double before = c.values[i * ldc + j];
                        if (j >= shape.n()) {
                            assertThat(result[i * ldc + j])
                                    .as("beside row %d", i)
                                    .isEqualTo(before);
                            continue;
                        }
                        double sum = before;
                        double magnitude = Math.abs(before);
                        for (int l = 0; l < shape.k(); l++) {
                            double product = x.values[i * ldx + l] * w.values[j * shape.k() + l];
                            sum += product;
                            magnitude += Math.abs(product);
                        }
                        // float32 sums in any order: (k + 1) roundings of 2^-24 each; TF32's products would be off by
                        // 2^-11. bf16 rounds by 2^-8 at most, and cuBLAS may round the product before it adds to C.
                        double sums = magnitude * (shape.k() + 1) * 0x1p-24;
                        double rounded = Math.abs(sum) + Math.abs(sum - before) + 2 * sums;
                        double bound = sums + (shape.outputType() == Blas.Type.BF16 ? rounded * 0x1p-8 : 0);
                        assertThat(Math.abs(result[i * ldc + j] - sum))
                                .as("%s row %d column %d", shape, i, j)
                                .isLessThanOrEqualTo(bound);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void multipliesOneInputWithSeveralWeights(BlasLibrary library) {
        Blas.Shape shape = new Blas.Shape(5, 8, 16, Blas.Type.BF16, Blas.Type.F32);
        try (Blas blas = open(library)) {
            Numbers x = new Numbers(1, 5 * 16, Blas.Type.BF16);
            Numbers w = new Numbers(2, 3 * 8 * 16, Blas.Type.BF16);
            try (DeviceBuffer dx = x.upload();
                    DeviceBuffer dw = w.upload();
                    DeviceBuffer each = device.memory().allocate(3 * 5 * 8 * 4, "products at once");
                    DeviceBuffer one = device.memory().allocate(3 * 5 * 8 * 4, "products one by one")) {
                blas.multiply(
                        shape,
                        3,
                        operand(dx, 16),
                        new Blas.Operand(dw.address(), 16, 8 * 16),
                        0f,
                        new Blas.Operand(each.address(), 8, 5 * 8));
                for (int i = 0; i < 3; i++) {
                    blas.multiply(
                            shape,
                            1,
                            operand(dx, 16),
                            new Blas.Operand(dw.address() + i * 8 * 16 * 2, 16),
                            0f,
                            new Blas.Operand(one.address() + i * 5 * 8 * 4, 8));
                }
                double[] expected = Numbers.download(this, one, Blas.Type.F32, 3 * 5 * 8);
                double[] result = Numbers.download(this, each, Blas.Type.F32, 3 * 5 * 8);
                for (int i = 0; i < result.length; i++) { // 16 products of magnitude at most 1
                    assertThat(Math.abs(result[i] - expected[i])).isLessThanOrEqualTo(2 * 16 * 17 * 0x1p-24);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void givesTheSameBitsAlsoInAGraph(BlasLibrary library) {
        Blas.Shape shape = new Blas.Shape(64, 256, 4096, Blas.Type.BF16, Blas.Type.F32);
        try (Blas blas = open(library);
                DeviceBuffer x = new Numbers(1, 64 * 4096, Blas.Type.BF16).upload();
                DeviceBuffer w = new Numbers(2, 256 * 4096, Blas.Type.BF16).upload();
                DeviceBuffer c = device.memory().allocate(64 * 256 * 4, "a product")) {
            Runnable multiply = () -> blas.multiply(shape, 1, operand(x, 4096), operand(w, 4096), 0f, operand(c, 256));
            multiply.run();
            double[] first = Numbers.download(this, c, Blas.Type.F32, 64 * 256);
            multiply.run();
            assertThat(Arrays.equals(Numbers.download(this, c, Blas.Type.F32, 64 * 256), first))
                    .isTrue();
            try (CudaGraph graph = CudaGraph.capture(stream, multiply)) {
                stream.fill(c.address(), (byte) 0, c.bytes());
                graph.launch(stream);
                assertThat(Arrays.equals(Numbers.download(this, c, Blas.Type.F32, 64 * 256), first))
                        .isTrue();
            }
        }
    }

    @Test
    void opensWhatThereIs() {
        assumeTrue(BlasLibrary.available().isPresent(), BlasLibrary.NONE);
        Blas blas = Blas.open(stream);
        assertThat(blas.description()).startsWith("cuBLAS 1");
        Blas.Shape shape = new Blas.Shape(2, 2, 8, Blas.Type.F32, Blas.Type.F32);
        Blas.Operand narrow = new Blas.Operand(256, 4);
        assertThatThrownBy(
                        () -> blas.multiply(shape, 1, narrow, new Blas.Operand(256, 8), 0f, new Blas.Operand(256, 2)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("leading dimensions");
        blas.close();
        blas.close();
        assertThatThrownBy(blas::description).isInstanceOf(IllegalStateException.class);
    }

    private static Blas.Operand operand(DeviceBuffer matrix, int leading) {
        return new Blas.Operand(matrix.address(), leading);
    }

    private Blas open(BlasLibrary library) {
        assumeTrue(library.usable(), () -> library.file() + " is not here");
        return library == BlasLibrary.CUDA_12 ? new JCublasBlas(stream) : new NativeBlas(stream);
    }

    /** Random numbers in [-1, 1), as the device's type has them. */
    private final class Numbers {

        final double[] values;
        private final MemorySegment encoded;

        Numbers(int seed, int count, Blas.Type type) {
            Random random = new Random(seed);
            values = new double[count];
            float[] floats = new float[count];
            short[] halves = new short[count];
            for (int i = 0; i < count; i++) {
                float value = random.nextFloat() * 2 - 1;
                if (type == Blas.Type.BF16) {
                    halves[i] = (short)
                            (Float.floatToRawIntBits(value) >>> 16); // cut off, not rounded: any bf16 number will do
                    value = decode(halves[i]);
                }
                floats[i] = value;
                values[i] = value;
            }
            encoded = type == Blas.Type.BF16 ? MemorySegment.ofArray(halves) : MemorySegment.ofArray(floats);
        }

        DeviceBuffer upload() {
            DeviceBuffer buffer = device.memory().allocate(encoded.byteSize(), "a test");
            stream.upload(encoded, buffer.address());
            return buffer;
        }

        static double[] download(BlasGpuTest test, DeviceBuffer buffer, Blas.Type type, int count) {
            double[] result = new double[count];
            if (type == Blas.Type.BF16) {
                short[] halves = new short[count];
                test.stream.download(buffer.address(), MemorySegment.ofArray(halves));
                for (int i = 0; i < count; i++) {
                    result[i] = decode(halves[i]);
                }
            } else {
                float[] floats = new float[count];
                test.stream.download(buffer.address(), MemorySegment.ofArray(floats));
                for (int i = 0; i < count; i++) {
                    result[i] = floats[i];
                }
            }
            return result;
        }

        private static float decode(short bits) {
            return Float.intBitsToFloat(bits << 16);
        }
    }
}
