package dev.sparsed.internal.vector;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sparsed.internal.cpu.Linear;
import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.Weights;
import dev.sparsed.internal.cpu.WorkerPool;
import dev.sparsed.internal.scalar.ScalarKernels;
import dev.sparsed.spi.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class GemmTest {

    private static final int[] SIZES = {1, 3, 7, 31, 33, 127, 129, 300};

    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16", "F16"})
    void isWithinTheRoundingBoundOfFloat64(DType dtype) {
        Random random = new Random(1);
        try (WorkerPool pool = new WorkerPool(2)) {
            Gemm gemm = new Gemm(pool);
            for (int outputs : SIZES) {
                for (int inputs : SIZES) {
                    Weights w = Samples.weights(random, dtype, outputs, inputs);
                    for (int rows : SIZES) {
                        Matrix x = Samples.matrix(random, rows, inputs);
                        Matrix bias = random.nextBoolean() ? Samples.matrix(random, 1, outputs) : null;
                        Matrix out = Samples.matrix(random, rows, outputs);
                        gemm.linear(x, List.of(new Linear(w, bias, out)));
                        assertMatchesFloat64(x, w, bias, out);
                    }
                }
            }
        }
    }

    /** More columns than one block sums up, more rows than one task takes. */
    @ParameterizedTest
    @EnumSource(names = {"F32", "BF16", "F16"})
    void isWithinTheRoundingBoundBeyondOneBlock(DType dtype) {
        Random random = new Random(2);
        int[][] shapes = {{2, 2500, 70}, {13, 777, 600}, {500, 513, 37}, {20, 512, 300}};
        try (WorkerPool pool = new WorkerPool(2)) {
            for (int[] shape : shapes) {
                Matrix x = Samples.matrix(random, shape[0], shape[1]);
                Weights w = Samples.weights(random, dtype, shape[2], shape[1]);
                Matrix bias = Samples.matrix(random, 1, shape[2]);
                Matrix out = Samples.matrix(random, shape[0], shape[2]);
                new Gemm(pool).linear(x, List.of(new Linear(w, bias, out)));
                assertMatchesFloat64(x, w, bias, out);
            }
        }
    }

    @Test
    void agreesWithTheScalarKernel() {
        Random random = new Random(3);
        Matrix x = Samples.matrix(random, 33, 300);
        Weights w = Samples.weights(random, DType.BF16, 129, 300);
        Matrix bias = Samples.matrix(random, 1, 129);
        Matrix out = Samples.matrix(random, 33, 129);
        Matrix expected = Matrix.zeros(33, 129);
        try (WorkerPool pool = new WorkerPool(2)) {
            new Gemm(pool).linear(x, List.of(new Linear(w, bias, out)));
            new ScalarKernels(pool).linear(x, w, bias, expected);
        }
        assertThat(Samples.elements(out)).usingComparatorWithPrecision(2e-4f).containsExactly(expected.data());
    }

    @Test
    void isTheSameForAnyNumberOfThreadsAndBesideAnotherRequest() {
        Random random = new Random(4);
        Matrix x = Samples.matrix(random, 60, 700);
        Weights w = Samples.weights(random, DType.BF16, 1000, 700);
        float[] expected = product(1, x, w);
        for (int threads : new int[] {2, 3, 4}) {
            assertThat(product(threads, x, w)).isEqualTo(expected);
        }
        try (WorkerPool pool = new WorkerPool(2)) {
            Stream.generate(() -> CompletableFuture.supplyAsync(() -> product(pool, x, w)))
                    .limit(4)
                    .toList()
                    .forEach(result -> assertThat(result.join()).isEqualTo(expected));
        }
    }

    @Test
    void aRowIsTheSameWhateverOtherRowsThereAre() {
        Random random = new Random(5);
        Matrix x = Samples.matrix(random, 450, 600);
        Weights w = Samples.weights(random, DType.F32, 65, 600);
        float[] all = product(2, x, w);
        for (int rows : new int[] {1, 2, 4, 5, 6, 7, 12, 13, 48, 49, 100, 258, 259, 449}) {
            for (int from : new int[] {0, 450 - rows}) {
                float[] expected = Arrays.copyOfRange(all, from * 65, (from + rows) * 65);
                assertThat(product(2, x.slice(from, rows), w)).isEqualTo(expected);
            }
        }
    }

    /** Layers of different sizes and types, more columns than one block takes. */
    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void severalLayersOfOneInputAreEachAsIfAlone(int threads) {
        Random random = new Random(7);
        Matrix x = Samples.matrix(random, 77, 530);
        List<Linear> layers = List.of(
                new Linear(Samples.weights(random, DType.BF16, 700, 530), null, Samples.matrix(random, 77, 700)),
                new Linear(
                        Samples.weights(random, DType.F32, 3, 530),
                        Samples.matrix(random, 1, 3),
                        Samples.matrix(random, 77, 3)),
                new Linear(
                        Samples.weights(random, DType.F16, 129, 530),
                        Samples.matrix(random, 1, 129),
                        Samples.matrix(random, 77, 129)));
        try (WorkerPool pool = new WorkerPool(threads)) {
            new Gemm(pool).linear(x, layers);
            for (Linear layer : layers) {
                Matrix alone = Samples.matrix(random, 77, layer.weight().rows());
                new Gemm(pool).linear(x, List.of(new Linear(layer.weight(), layer.bias(), alone)));
                assertThat(Samples.elements(layer.out())).isEqualTo(Samples.elements(alone));
                assertMatchesFloat64(x, layer.weight(), layer.bias(), layer.out());
            }
        }
    }

    /** More rows than are copied at a time. */
    @Test
    void aLongInputIsTheSameAsItsParts() {
        Random random = new Random(8);
        int rows = 33_000;
        Matrix x = Samples.matrix(random, rows, 256);
        Weights w = Samples.weights(random, DType.BF16, 5, 256);
        Matrix bias = Samples.matrix(random, 1, 5);
        Matrix all = Samples.matrix(random, rows, 5);
        Matrix half = Matrix.zeros(rows / 2, 5);
        try (WorkerPool pool = new WorkerPool(2)) {
            new Gemm(pool).linear(x, List.of(new Linear(w, bias, all)));
            for (int from : new int[] {0, rows / 2}) {
                new Gemm(pool).linear(x.slice(from, rows / 2), List.of(new Linear(w, bias, half)));
                assertThat(Samples.elements(all.slice(from, rows / 2))).isEqualTo(half.data());
            }
        }
        assertThat(Samples.surroundingsUntouched(all)).isTrue();
    }

    /** All 65536 values, subnormal, infinite and NaN ones among them, against the JDK's conversion. */
    @ParameterizedTest
    @EnumSource(names = {"BF16", "F16"})
    void widensEverySixteenBitValueExactly(DType dtype) {
        MemorySegment data = Arena.ofAuto().allocate(2 * 65536);
        for (int bits = 0; bits < 65536; bits++) {
            data.set(Weights.SHORT, 2L * bits, (short) bits);
        }
        Weights w = new Weights(data, dtype, 256, 256);
        MemorySegment panel = GemmTile.newPanel();
        MemorySegment squares = WeightPanel.newSquares();
        for (int row = 0; row < 256; row += GemmTile.WIDTH) {
            WeightPanel.pack(w, row, 0, 256, panel, squares);
            for (int k = 0; k < 256; k++) {
                for (int j = 0; j < GemmTile.WIDTH; j++) {
                    float packed = panel.getAtIndex(ValueLayout.JAVA_FLOAT, k * GemmTile.WIDTH + j);
                    assertThat(Float.compare(packed, w.get((row + j) * 256L + k)))
                            .isZero();
                }
            }
        }
    }

    @Test
    void noRowsGiveNoRows() {
        try (WorkerPool pool = new WorkerPool(2)) {
            Weights w = Samples.weights(new Random(6), DType.F32, 5, 7);
            Matrix out = Matrix.zeros(0, 5);
            new Gemm(pool).linear(Matrix.zeros(0, 7), List.of(new Linear(w, null, out)));
            assertThat(out.data()).isEmpty();
        }
    }

    private static float[] product(int threads, Matrix x, Weights w) {
        try (WorkerPool pool = new WorkerPool(threads)) {
            return product(pool, x, w);
        }
    }

    private static float[] product(WorkerPool pool, Matrix x, Weights w) {
        Matrix out = Matrix.zeros(x.rows(), w.rows());
        new Gemm(pool).linear(x, List.of(new Linear(w, null, out)));
        return out.data();
    }

    /**
     * Every element lies within γ·Σ|x·w| of a float64 sum, with γ = (K + 2)·2⁻²⁴, the bound of K + 1 roundings
     * (Higham, "Accuracy and Stability of Numerical Algorithms", 3.1).
     */
    private static void assertMatchesFloat64(Matrix x, Weights w, @Nullable Matrix bias, Matrix out) {
        float[] weights = new float[w.rows() * w.columns()];
        for (int i = 0; i < weights.length; i++) {
            weights[i] = w.get(i);
        }
        double gamma = (w.columns() + 2) * 0x1p-24;
        for (int i = 0; i < x.rows(); i++) {
            for (int j = 0; j < w.rows(); j++) {
                double sum = bias == null ? 0 : bias.data()[bias.offset() + j];
                double magnitude = Math.abs(sum);
                for (int k = 0; k < w.columns(); k++) {
                    double product = (double) x.data()[x.row(i) + k] * weights[j * w.columns() + k];
                    sum += product;
                    magnitude += Math.abs(product);
                }
                double error = Math.abs(out.data()[out.row(i) + j] - sum);
                if (!(error <= gamma * magnitude)) {
                    throw new AssertionError("x[" + x.rows() + ", " + x.columns() + "], w[" + w.rows() + ", "
                            + w.columns()
                            + "] " + w.dtype() + ": element " + i + ", " + j + " is " + out.data()[out.row(i) + j]
                            + ", expected " + sum + " ± " + gamma * magnitude);
                }
            }
        }
        assertThat(Samples.surroundingsUntouched(out)).isTrue();
    }
}
