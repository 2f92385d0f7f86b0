package dev.sparsed.internal.amx;

import static dev.sparsed.internal.amx.TestTiles.bf16;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sparsed.internal.cpu.Linear;
import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.Weights;
import dev.sparsed.internal.cpu.WorkerPool;
import dev.sparsed.spi.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Linear layers against sums in float64 of the inputs rounded to bf16, and against exact sums of the inputs rounded to 8-bit integers. */
@TestTiles.Required
class AmxLinearTest {

    private static final int[] SIZES = {1, 3, 7, 31, 33, 127, 129};

    private final Random random = new Random(1);

    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16", "F16"})
    void isWithinTheRoundingBoundOfFloat64(DType dtype) {
        for (int outputs : SIZES) {
            for (int inputs : SIZES) {
                Weights w = weights(dtype, outputs, inputs);
                Matrix bias = random.nextBoolean() ? matrix(1, outputs) : null;
                for (int rows : new int[] {1, 16, 17, 65}) {
                    Matrix x = matrix(rows, inputs);
                    Matrix out = matrix(rows, outputs);
                    run(2, x, new Linear(w, bias, out));
                    assertMatchesFloat64(x, w, bias, out);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16", "F16"})
    void ofIntegersAreExactButForTheScales(DType dtype) {
        for (int outputs : SIZES) {
            for (int inputs : SIZES) {
                Weights w = weights(dtype, outputs, inputs);
                Matrix bias = random.nextBoolean() ? matrix(1, outputs) : null;
                Matrix x = matrix(33, inputs);
                Arrays.fill(x.data(), x.row(5), x.row(6), 0); // a row without a scale
                Matrix out = matrix(33, outputs);
                run(2, TileType.INT8, x, new Linear(w, bias, out));
                assertMatchesIntegers(x, w, bias, out);
            }
        }
        Weights deep = weights(dtype, 40, 4200); // sums that wait for the next block of the summed dimension
        Matrix x = matrix(300, 4200);
        Matrix out = matrix(300, 40);
        run(3, TileType.INT8, x, new Linear(deep, null, out));
        assertMatchesIntegers(x, deep, null, out);
    }

    @Test
    void ofIntegersKeepANaNInItsRow() {
        Matrix x = matrix(20, 40);
        x.data()[x.row(3) + 7] = Float.NaN;
        Matrix out = matrix(20, 33);
        run(2, TileType.INT8, x, new Linear(weights(DType.F32, 33, 40), null, out));
        for (int row = 0; row < 20; row++) {
            for (int column = 0; column < 33; column++) {
                assertThat(Float.isNaN(out.data()[out.row(row) + column])).isEqualTo(row == 3);
            }
        }
    }

    private static void assertMatchesIntegers(Matrix x, Weights w, @Nullable Matrix bias, Matrix out) {
        byte[][] right = new byte[w.rows()][w.columns()];
        float[] scales = new float[w.rows()];
        float[] row = new float[w.columns()];
        for (int column = 0; column < w.rows(); column++) {
            for (int k = 0; k < w.columns(); k++) {
                row[k] = w.get((long) column * w.columns() + k);
            }
            scales[column] = quantize(row, right[column]);
        }
        byte[] left = new byte[w.columns()];
        for (int i = 0; i < x.rows(); i++) {
            System.arraycopy(x.data(), x.row(i), row, 0, w.columns());
            float scale = quantize(row, left);
            for (int column = 0; column < w.rows(); column++) {
                int sum = 0;
                for (int k = 0; k < w.columns(); k++) {
                    sum += left[k] * right[column][k];
                }
                double product = (double) sum * scale * scales[column];
                double expected = product + (bias == null ? 0 : bias.data()[bias.offset() + column]);
                float actual = out.data()[out.row(i) + column];
                if (!(Math.abs(actual - expected) <= 0x1p-22 * (Math.abs(product) + Math.abs(expected)))) {
                    throw new AssertionError("element " + i + ", " + column + " of [" + x.rows() + ", " + x.columns()
                            + "] by " + w.rows() + ": " + actual + ", expected " + expected);
                }
            }
        }
    }

    /** {@return the scale: a 127th of the largest magnitude} */
    private static float quantize(float[] row, byte[] quantized) {
        float most = 0;
        for (float value : row) {
            most = Math.max(most, Math.abs(value));
        }
        float scale = most / 127;
        for (int k = 0; k < row.length; k++) {
            quantized[k] = scale == 0 ? 0 : (byte) Math.rint(row[k] * (1 / scale));
        }
        return scale;
    }

    /** Sums that wait for the next block of the summed dimension, several row panels, several chunks of rows. */
    @Test
    void isWithinTheRoundingBoundBeyondOneBlock() {
        for (int[] shape : new int[][] {{300, 1100, 77}, {70, 2100, 600}, {600, 33, 40}}) {
            Matrix x = matrix(shape[0], shape[1]);
            Weights w = weights(DType.BF16, shape[2], shape[1]);
            Matrix bias = matrix(1, shape[2]);
            Matrix out = matrix(shape[0], shape[2]);
            run(2, x, new Linear(w, bias, out));
            assertMatchesFloat64(x, w, bias, out);
        }
    }

    @Test
    void dependsOnNeitherThreadsNorNeighbours() {
        Matrix x = matrix(75, 200);
        Weights w = weights(DType.BF16, 300, 200);
        Weights other = weights(DType.BF16, 70, 200);
        Matrix alone = Matrix.zeros(75, 300);
        run(1, x, new Linear(w, null, alone));
        Matrix together = Matrix.zeros(75, 300);
        run(3, x, new Linear(other, null, Matrix.zeros(75, 70)), new Linear(w, null, together));
        assertThat(together.data()).containsExactly(alone.data());
        Matrix few = Matrix.zeros(5, 300);
        run(2, x.slice(41, 5), new Linear(w, null, few));
        assertThat(few.data()).containsExactly(Arrays.copyOfRange(alone.data(), 41 * 300, 46 * 300));
    }

    @Test
    void ofIntegersDependOnNeitherThreadsNorNeighboursNorOtherTypes() {
        Matrix x = matrix(75, 200);
        Weights w = weights(DType.BF16, 300, 200);
        Weights other = weights(DType.BF16, 70, 200);
        Matrix alone = Matrix.zeros(75, 300);
        run(1, TileType.INT8, x, new Linear(w, null, alone));
        Matrix rounded = Matrix.zeros(75, 70);
        run(1, x, new Linear(other, null, rounded));
        ProductKernels kernels = new ProductKernels(TestTiles.kernels());
        try (WorkerPool pool = new WorkerPool(3);
                PackedWeights packed = new PackedWeights(kernels)) {
            packed.quantize(w);
            Matrix together = Matrix.zeros(75, 300);
            Matrix beside = Matrix.zeros(75, 70);
            AmxLinear linear = new AmxLinear(kernels, packed, new PackedInput(kernels, pool), pool);
            linear.linear(x, List.of(new Linear(other, null, beside), new Linear(w, null, together)));
            assertThat(together.data()).containsExactly(alone.data());
            assertThat(beside.data()).containsExactly(rounded.data());
            Matrix few = Matrix.zeros(5, 300);
            linear.linear(x.slice(41, 5), List.of(new Linear(w, null, few)));
            assertThat(few.data()).containsExactly(Arrays.copyOfRange(alone.data(), 41 * 300, 46 * 300));
            assertThat(packed.of(w, pool).bytes()).isEqualTo(304 * (256 + Float.BYTES));
        }
    }

    @Test
    void aNaNStaysInItsRow() {
        Matrix x = matrix(20, 40);
        x.data()[x.row(3) + 7] = Float.NaN;
        Matrix out = matrix(20, 33);
        run(2, x, new Linear(weights(DType.F32, 33, 40), null, out));
        for (int row = 0; row < 20; row++) {
            for (int column = 0; column < 33; column++) {
                assertThat(Float.isNaN(out.data()[out.row(row) + column])).isEqualTo(row == 3);
            }
        }
    }

    private static void run(int threads, Matrix x, Linear... layers) {
        run(threads, TileType.BF16, x, layers);
    }

    private static void run(int threads, TileType type, Matrix x, Linear... layers) {
        ProductKernels kernels = new ProductKernels(TestTiles.kernels());
        try (WorkerPool pool = new WorkerPool(threads);
                PackedWeights packed = new PackedWeights(kernels)) {
            for (Linear layer : layers) {
                if (type == TileType.INT8) {
                    packed.quantize(layer.weight());
                }
            }
            new AmxLinear(kernels, packed, new PackedInput(kernels, pool), pool).linear(x, List.of(layers));
        }
    }

    private static void assertMatchesFloat64(Matrix x, Weights w, @Nullable Matrix bias, Matrix out) {
        for (int row = 0; row < x.rows(); row++) {
            for (int column = 0; column < w.rows(); column++) {
                double sum = bias == null ? 0 : bias.data()[bias.offset() + column];
                double magnitude = Math.abs(sum);
                for (int k = 0; k < x.columns(); k++) {
                    double product =
                            (double) bf16(x.data()[x.row(row) + k]) * bf16(w.get((long) column * x.columns() + k));
                    sum += product;
                    magnitude += Math.abs(product);
                }
                float actual = out.data()[out.row(row) + column];
                if (!(Math.abs(actual - sum) <= (x.columns() + 3) * 0x1p-24 * magnitude)) {
                    throw new AssertionError("[" + x.rows() + ", " + x.columns() + "] by " + w.rows() + ", element "
                            + row + ", " + column + ": " + actual + ", expected " + sum);
                }
            }
        }
        for (int i = 0; i < out.data().length; i++) {
            if (i < out.offset() || i >= out.offset() + out.rows() * out.columns()) {
                assertThat(out.data()[i]).as("beside the result").isNaN();
            }
        }
    }

    /** Gaussian values inside a larger array of NaN. */
    private Matrix matrix(int rows, int columns) {
        float[] data = new float[rows * columns + 29];
        Arrays.fill(data, Float.NaN);
        for (int i = 0; i < rows * columns; i++) {
            data[13 + i] = (float) random.nextGaussian();
        }
        return new Matrix(data, 13, rows, columns);
    }

    /** At an odd address, as a checkpoint may have them. */
    private Weights weights(DType dtype, int rows, int columns) {
        MemorySegment data = Arena.ofAuto()
                .allocate((long) rows * columns * dtype.bytes() + 1, 8)
                .asSlice(1);
        for (long i = 0; i < (long) rows * columns; i++) {
            float value = (float) random.nextGaussian();
            switch (dtype) {
                case F32 -> data.set(Weights.FLOAT, 4 * i, value);
                case F16 -> data.set(Weights.SHORT, 2 * i, Float.floatToFloat16(value));
                default -> data.set(Weights.SHORT, 2 * i, (short) (Float.floatToRawIntBits(value) >>> 16));
            }
        }
        return new Weights(data, dtype, rows, columns);
    }
}
