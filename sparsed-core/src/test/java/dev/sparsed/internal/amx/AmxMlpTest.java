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
import java.util.Random;
import org.junit.jupiter.api.Test;

/** An MLP with SwiGLU against float64, of inputs and of what the gate lets through rounded to bf16. */
@TestTiles.Required
class AmxMlpTest {

    private final Random random = new Random(1);

    @Test
    void isWithinTheRoundingBoundOfFloat64() {
        for (int rows : new int[] {1, 16, 17, 33, 127}) {
            for (int[] shape : new int[][] {{1, 1, 1}, {7, 3, 33}, {33, 31, 7}, {64, 129, 16}, {31, 48, 127}}) {
                check(rows, shape[0], shape[1], shape[2]);
            }
        }
    }

    /** Sums that wait for the next block of the summed dimension, several row panels, several groups of columns. */
    @Test
    void isWithinTheRoundingBoundBeyondOneBlock() {
        check(300, 40, 300, 20);
        check(65, 1100, 50, 33);
        check(40, 33, 1100, 17);
    }

    @Test
    void dependsOnNeitherThreadsNorNeighbours() {
        Matrix x = matrix(275, 200);
        Weights[] weights = {weights(330, 200), weights(330, 200), weights(70, 330)};
        Matrix alone = run(1, x, weights);
        assertThat(run(3, x, weights).data()).containsExactly(alone.data());
        assertThat(run(2, x.slice(141, 5), weights).data())
                .containsExactly(Arrays.copyOfRange(alone.data(), 141 * 70, 146 * 70));
    }

    @Test
    void aNaNStaysInItsRow() {
        Matrix x = matrix(20, 40);
        x.data()[x.row(3) + 7] = Float.NaN;
        Matrix out = run(2, x, weights(50, 40), weights(50, 40), weights(33, 50));
        for (int i = 0; i < out.data().length; i++) {
            assertThat(Float.isNaN(out.data()[i])).isEqualTo(i / 33 == 3);
        }
    }

    /** Where a weight is quantized, the three layers are computed one after the other. */
    @Test
    void ofIntegersIsWhatTheLayersGive() {
        Matrix x = matrix(37, 64);
        Weights[] weights = {weights(80, 64), weights(80, 64), weights(24, 80)};
        ProductKernels products = new ProductKernels(TestTiles.kernels());
        try (WorkerPool pool = new WorkerPool(2);
                PackedWeights packed = new PackedWeights(products)) {
            packed.quantize(weights[2]);
            AmxKernels kernels = new AmxKernels(products, new AttentionKernels(TestTiles.kernels()), packed, pool);
            Matrix gate = Matrix.zeros(37, 80);
            Matrix up = Matrix.zeros(37, 80);
            Matrix expected = Matrix.zeros(37, 24);
            kernels.linear(x, weights[0], null, gate);
            kernels.linear(x, weights[1], null, up);
            kernels.swiGlu(gate, up, gate);
            kernels.linear(gate, weights[2], null, expected);
            Matrix out = Matrix.zeros(37, 24);
            mlp(kernels, x, weights, out);
            assertThat(out.data()).containsExactly(expected.data());
        }
    }

    private void check(int rows, int in, int inner, int outputs) {
        Matrix x = matrix(rows, in);
        Weights[] weights = {weights(inner, in), weights(inner, in), weights(outputs, inner)};
        Matrix out = run(2, x, weights);
        double[] gated = new double[inner];
        double[] errors = new double[inner];
        for (int row = 0; row < rows; row++) {
            for (int j = 0; j < inner; j++) {
                double[] gate = product(x, row, weights[0], j);
                double[] up = product(x, row, weights[1], j);
                gated[j] = gate[0] / (1 + Math.exp(-gate[0])) * up[0];
                // bf16 rounds by 2⁻⁸ at most, the exponential adds little to it; the slope of silu is at most 1.1.
                errors[j] = 0x1.02p-8 * Math.abs(gated[j])
                        + (in + 3) * 0x1p-24 * (1.1 * gate[1] * Math.abs(up[0]) + up[1] * Math.abs(gate[0]));
            }
            for (int column = 0; column < outputs; column++) {
                double sum = 0;
                double bound = 0;
                for (int j = 0; j < inner; j++) {
                    double weight = bf16(weights[2].get((long) column * inner + j));
                    sum += gated[j] * weight;
                    bound += Math.abs(weight) * (errors[j] + (inner + 3) * 0x1p-24 * Math.abs(gated[j]));
                }
                double actual = out.data()[out.row(row) + column];
                if (!(Math.abs(actual - sum) <= bound)) {
                    throw new AssertionError("[" + rows + ", " + in + "] by " + inner + " by " + outputs + ", element "
                            + row + ", " + column + ": " + actual + ", expected " + sum + " within " + bound);
                }
            }
        }
    }

    /** {@return the product of a row and a weight's row, and the sum of its terms' magnitudes} */
    private static double[] product(Matrix x, int row, Weights w, int column) {
        double[] result = new double[2];
        for (int k = 0; k < x.columns(); k++) {
            double product = (double) bf16(x.data()[x.row(row) + k]) * bf16(w.get((long) column * x.columns() + k));
            result[0] += product;
            result[1] += Math.abs(product);
        }
        return result;
    }

    private static Matrix run(int threads, Matrix x, Weights... weights) {
        ProductKernels products = new ProductKernels(TestTiles.kernels());
        Matrix out = Matrix.zeros(x.rows(), weights[2].rows());
        try (WorkerPool pool = new WorkerPool(threads);
                PackedWeights packed = new PackedWeights(products)) {
            mlp(new AmxKernels(products, new AttentionKernels(TestTiles.kernels()), packed, pool), x, weights, out);
        }
        return out;
    }

    private static void mlp(AmxKernels kernels, Matrix x, Weights[] weights, Matrix out) {
        int inner = weights[0].rows();
        kernels.mlp(
                x,
                new Linear(weights[0], null, Matrix.zeros(x.rows(), inner)),
                new Linear(weights[1], null, Matrix.zeros(x.rows(), inner)),
                new Linear(weights[2], null, out));
    }

    private Matrix matrix(int rows, int columns) {
        Matrix matrix = Matrix.zeros(rows, columns);
        for (int i = 0; i < matrix.data().length; i++) {
            matrix.data()[i] = (float) random.nextGaussian();
        }
        return matrix;
    }

    private Weights weights(int rows, int columns) {
        MemorySegment data = Arena.ofAuto().allocate(4L * rows * columns, 4);
        for (long i = 0; i < (long) rows * columns; i++) {
            data.set(Weights.FLOAT, 4 * i, (float) random.nextGaussian());
        }
        return new Weights(data, DType.F32, rows, columns);
    }
}
