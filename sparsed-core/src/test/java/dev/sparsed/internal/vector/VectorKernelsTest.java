package dev.sparsed.internal.vector;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sparsed.internal.cpu.CpuKernels;
import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.WorkerPool;
import dev.sparsed.internal.scalar.ScalarKernels;
import dev.sparsed.spi.Positions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** All but {@code linear} ({@link GemmTest}) and attention, against the scalar kernels. */
class VectorKernelsTest {

    private static final int[] SIZES = {1, 3, 7, 31, 33, 127, 129, 300};

    private static WorkerPool pool;

    @BeforeAll
    static void startThreads() {
        pool = new WorkerPool(2);
    }

    @AfterAll
    static void stopThreads() {
        pool.close();
    }

    @Test
    void rmsNorm() {
        compareAtAllSizes(4e-6f, (kernels, random, rows, columns) -> {
            Matrix x = Samples.matrix(random, rows, columns);
            Matrix out = random.nextBoolean() ? x : Samples.matrix(random, rows, columns);
            kernels.rmsNorm(x, Samples.matrix(random, 1, columns), 1e-5f, out);
            return out;
        });
    }

    @Test
    void rope() {
        compareAtAllSizes(0, (kernels, random, rows, half) -> {
            int heads = 1 + random.nextInt(3);
            int[] positions =
                    IntStream.range(0, 2 * rows).filter(p -> p % 2 == 1).toArray();
            Matrix x = Samples.matrix(random, rows, heads * 2 * half);
            Matrix cos = Samples.matrix(random, 2 * rows, half);
            Matrix sin = Samples.matrix(random, 2 * rows, half);
            kernels.rope(x, 2 * half, cos, sin, Positions.of(positions));
            return x;
        });
    }

    @Test
    void swiGlu() {
        compareAtAllSizes(4e-6f, (kernels, random, rows, columns) -> {
            Matrix gate = Samples.matrix(random, rows, columns);
            Matrix up = Samples.matrix(random, rows, columns);
            Matrix out =
                    List.of(gate, up, Samples.matrix(random, rows, columns)).get(random.nextInt(3));
            kernels.swiGlu(gate, up, out);
            return out;
        });
    }

    @Test
    void swiGluOfLargeArguments() {
        float[] z = {-1000, -200, -100, -88.8f, -87, -50, -17, -0f, 0, 1e-30f, 17, 50, 88.8f, 100, 3e38f};
        Matrix gate = new Matrix(z, 0, 1, z.length);
        Matrix ones = Matrix.zeros(1, z.length);
        Arrays.fill(ones.data(), 1f);
        Matrix out = Matrix.zeros(1, z.length);
        new VectorKernels(pool).swiGlu(gate, ones, out);
        for (int i = 0; i < z.length; i++) {
            double exact = z[i] / (1 + Math.exp(-z[i]));
            assertThat((double) out.data()[i]).isBetween(exact - error(exact), exact + error(exact));
        }
    }

    /** Four roundings, and what is lost where e^z is a subnormal float. */
    private static double error(double exact) {
        return 4 * 0x1p-23 * Math.abs(exact) + 1e-35;
    }

    @Test
    void addAndGuide() {
        compareAtAllSizes(0, (kernels, random, rows, columns) -> {
            Matrix x = Samples.matrix(random, rows, columns);
            kernels.add(x, Samples.matrix(random, rows, columns));
            return x;
        });
        compareAtAllSizes(0, (kernels, random, rows, columns) -> {
            Matrix x = Samples.matrix(random, rows, columns);
            kernels.guide(x, Samples.matrix(random, rows, columns), random.nextFloat() * 4);
            return x;
        });
    }

    @Test
    void greedy() {
        compareAtAllSizes(2e-6f, VectorKernelsTest::greedy);
        for (int seed = 0; seed < 3; seed++) {
            compare(seed, 2e-6f, 3, 126_464, VectorKernelsTest::greedy);
        }
    }

    /** Values on a coarse grid: most rows have several largest elements. Some are −∞, as if filtered out. */
    private static Matrix greedy(CpuKernels kernels, Random random, int rows, int columns) {
        Matrix logits = Samples.matrix(random, rows, columns);
        for (int i = 0; i < rows * columns; i++) {
            float value = Math.round(4 * logits.data()[logits.offset() + i]) / 4f;
            logits.data()[logits.offset() + i] = value < -2 ? Float.NEGATIVE_INFINITY : value;
        }
        for (int row = 0; row < rows; row++) {
            logits.data()[logits.row(row) + random.nextInt(columns)] = 1; // one finite value at least
        }
        int[] tokens = new int[rows];
        float[] result = new float[2 * rows];
        float[] confidences = new float[rows];
        kernels.greedy(logits, tokens, confidences);
        for (int row = 0; row < rows; row++) {
            result[2 * row] = tokens[row];
            result[2 * row + 1] = confidences[row];
        }
        return new Matrix(result, 0, rows, 2);
    }

    @Test
    void resultsDoNotDependOnThreadsNorOnWhatRunsBeside() {
        List<Operation> operations = List.of(VectorKernelsTest::greedy, (kernels, random, rows, columns) -> {
            Matrix x = Samples.matrix(random, rows, columns);
            kernels.rmsNorm(x, Samples.matrix(random, 1, columns), 1e-5f, x);
            kernels.swiGlu(x, Samples.matrix(random, rows, columns), x);
            return x;
        });
        for (Operation operation : operations) {
            Function<WorkerPool, float[]> run =
                    on -> Samples.elements(operation.run(new VectorKernels(on), new Random(9), 200, 301));
            float[] expected;
            try (WorkerPool one = new WorkerPool(1)) {
                expected = run.apply(one);
            }
            for (int threads = 2; threads <= 4; threads++) {
                try (WorkerPool several = new WorkerPool(threads)) {
                    assertThat(run.apply(several)).isEqualTo(expected);
                }
            }
            List<CompletableFuture<float[]>> beside = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                beside.add(CompletableFuture.supplyAsync(() -> run.apply(pool)));
            }
            beside.forEach(result -> assertThat(result.join()).isEqualTo(expected));
        }
    }

    @Test
    void noRowsAreNoWork() {
        CpuKernels kernels = new VectorKernels(pool);
        Matrix none = Matrix.zeros(0, 8);
        Matrix angles = Matrix.zeros(4, 2);
        kernels.rmsNorm(none, Matrix.zeros(1, 8), 1e-5f, none);
        kernels.rope(none, 4, angles, angles, Positions.of());
        kernels.swiGlu(none, none, none);
        kernels.add(none, none);
        kernels.guide(none, none, 1);
        kernels.greedy(none, new int[0], new float[0]);
        assertThat(none.data()).isEmpty();
    }

    /** One operation on inputs that it draws from {@code random}. */
    private interface Operation {
        Matrix run(CpuKernels kernels, Random random, int rows, int columns);
    }

    private static void compareAtAllSizes(float tolerance, Operation operation) {
        int seed = 0;
        for (int rows : SIZES) {
            for (int columns : SIZES) {
                compare(seed++, tolerance, rows, columns, operation);
            }
        }
    }

    /** The same operation on the same inputs in both backends; errors are relative to the larger of the value and 1. */
    private static void compare(int seed, float tolerance, int rows, int columns, Operation operation) {
        Matrix actual = operation.run(new VectorKernels(pool), new Random(seed), rows, columns);
        float[] expected = Samples.elements(operation.run(new ScalarKernels(pool), new Random(seed), rows, columns));
        float[] elements = Samples.elements(actual);
        assertThat(elements).hasSameSizeAs(expected);
        for (int i = 0; i < expected.length; i++) {
            assertThat(Math.abs(elements[i] - expected[i]))
                    .as("element %d of [%d, %d]: %s, expected %s", i, rows, columns, elements[i], expected[i])
                    .isLessThanOrEqualTo(tolerance * Math.max(1, Math.abs(expected[i])));
        }
        assertThat(Samples.surroundingsUntouched(actual)).isTrue();
    }
}
