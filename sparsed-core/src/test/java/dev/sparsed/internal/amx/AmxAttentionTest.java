package dev.sparsed.internal.amx;

import static dev.sparsed.internal.amx.TestTiles.bf16;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.attention.RatioRule;
import dev.sparsed.internal.cpu.CpuAttention;
import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.WorkerPool;
import dev.sparsed.internal.scalar.ScalarKernels;
import dev.sparsed.spi.HeadLayout;
import dev.sparsed.spi.Positions;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Attention and selection on tiles against the scalar kernels, which are given the values that the tiles see after rounding to bf16. */
@TestTiles.Required
class AmxAttentionTest {

    private static WorkerPool pool;
    private static CpuAttention amx;
    private static CpuAttention scalar;

    private final Random random = new Random(7);

    @BeforeAll
    static void open() {
        pool = new WorkerPool(2);
        amx = new AmxAttention(new AttentionKernels(TestTiles.kernels()), pool);
        scalar = new ScalarKernels(pool).attention();
    }

    @AfterAll
    static void close() {
        pool.close();
    }

    @ParameterizedTest
    @CsvSource({
        "1, 1, 1, 1, 64",
        "3, 7, 2, 1, 64",
        "33, 31, 2, 2, 128",
        "127, 129, 4, 2, 64",
        "129, 127, 7, 1, 128",
        "140, 1100, 1, 1, 128",
        "65, 513, 3, 3, 16",
        "40, 100, 2, 1, 96",
        "10, 70, 2, 2, 256",
        "5, 33, 1, 1, 1",
        "17, 65, 2, 1, 31"
    })
    void dense(int rows, int canvas, int queryHeads, int keyValueHeads, int headDim) {
        HeadLayout heads = new HeadLayout(queryHeads, keyValueHeads, headDim);
        for (float spread : new float[] {0.3f, 1, 6}) {
            Matrix q = matrix(rows, heads.queryColumns(), spread);
            Matrix k = rounded(matrix(canvas, heads.keyValueColumns(), spread));
            Matrix v = rounded(matrix(canvas, heads.keyValueColumns(), 1));
            Matrix out = matrix(rows, heads.queryColumns(), 1);
            Matrix logSumExp = matrix(rows, queryHeads, 1);
            Matrix expected = Matrix.zeros(rows, heads.queryColumns());
            Matrix expectedSums = Matrix.zeros(rows, queryHeads);
            amx.dense(q, k, v, heads, out, logSumExp);
            scalar.dense(seen(q, headDim), k, v, heads, expected, expectedSums);
            // p is rounded to bf16: a relative 2^-9 of every term of a convex combination of values up to about 4
            assertClose("output", out, expected, 0x1p-7f);
            assertClose("log-sum-exp", logSumExp, expectedSums, 2e-5f * (1 + spread * spread));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "300, 32, 2, 1, 64", "300, 64, 4, 2, 128", "300, 128, 2, 2, 64", "290, 128, 7, 1, 128", "129, 64, 2, 1, 128",
        "31, 32, 2, 1, 64", "97, 7, 2, 1, 64", "260, 48, 3, 1, 32", "450, 200, 1, 1, 64", "75, 16, 2, 2, 40"
    })
    void blockSparse(int canvas, int blockSize, int queryHeads, int keyValueHeads, int headDim) {
        HeadLayout heads = new HeadLayout(queryHeads, keyValueHeads, headDim);
        BlockLayout layout = new BlockLayout(canvas, canvas / 4, blockSize);
        Matrix k = rounded(matrix(canvas, heads.keyValueColumns(), 1));
        Matrix v = rounded(matrix(canvas, heads.keyValueColumns(), 1));
        for (double density : new double[] {0, 0.3, 1}) {
            BlockPattern pattern = pattern(layout, queryHeads, density);
            for (Positions rows : new Positions[] {
                Positions.range(0, canvas), Positions.range(canvas / 3, canvas / 2 + 1), scattered(canvas)
            }) {
                Matrix q = matrix(rows.count(), heads.queryColumns(), 1);
                Matrix out = matrix(rows.count(), heads.queryColumns(), 1);
                Matrix expected = Matrix.zeros(rows.count(), heads.queryColumns());
                amx.blockSparse(q, rows, k, v, heads, pattern, out, null);
                scalar.blockSparse(seen(q, headDim), rows, k, v, heads, pattern, expected, null);
                assertClose("density " + density + ", rows " + rows, out, expected, 0x1p-7f);
            }
        }
    }

    /** Sums in another order: where the choice differs, the two blocks are equally important to 1e-3. */
    @ParameterizedTest
    @CsvSource({
        "300, 60, 32, 2, 1, 64, 0.3",
        "600, 128, 128, 1, 1, 128, 0.3",
        "260, 260, 64, 2, 2, 128, 0.5",
        "477, 100, 64, 2, 1, 64, 0.1",
        "20, 10, 32, 2, 1, 64, 0.5",
        "130, 1, 64, 7, 1, 128, 0.9",
        "97, 30, 7, 2, 1, 64, 0.2",
        "260, 40, 48, 3, 1, 32, 0",
        "500, 200, 200, 1, 1, 32, 0.3"
    })
    void denseAndSelect(
            int canvas, int generation, int blockSize, int queryHeads, int keyValueHeads, int headDim, double ratio) {
        HeadLayout heads = new HeadLayout(queryHeads, keyValueHeads, headDim);
        BlockLayout layout = new BlockLayout(canvas, generation, blockSize);
        RatioRule rule = new RatioRule(layout, ratio);
        for (float spread : new float[] {1.5f, 8}) { // 8: the generation's share of some rows is below 2^-126
            Matrix q = matrix(canvas, heads.queryColumns(), spread);
            Matrix k = rounded(matrix(canvas, heads.keyValueColumns(), spread));
            Matrix out = matrix(canvas, heads.queryColumns(), 1);
            Matrix logSumExp = matrix(canvas, queryHeads, 1);
            BlockPattern actual = amx.denseAndSelect(q, k, k, heads, out, logSumExp, rule);
            Matrix expected = matrix(canvas, heads.queryColumns(), 1);
            Matrix expectedSums = matrix(canvas, queryHeads, 1);
            amx.dense(q, k, k, heads, expected, expectedSums);
            if (blockSize % Tiles.GROUP == 0) { // the same groups in the same order
                assertThat(elements(out)).containsExactly(elements(expected));
                assertThat(elements(logSumExp)).containsExactly(elements(expectedSums));
            } else {
                assertClose("output", out, expected, 0x1p-7f);
                assertClose("log-sum-exp", logSumExp, expectedSums, 2e-5f * (1 + spread * spread));
            }
            for (int head = 0; head < queryHeads; head++) {
                double[][] overAll = importance(seen(q, headDim), k, head, heads, layout, 0);
                int first = layout.firstGenerationBlock();
                double[][] overGeneration = importance(seen(q, headDim), k, head, heads, layout, first);
                for (int i = 0; i < layout.blocks(); i++) {
                    assertTop(actual, head, i, overAll[i], 0, layout.blocks(), first, rule.promptBudget());
                    assertTop(
                            actual,
                            head,
                            i,
                            overGeneration[i],
                            first,
                            layout.blocks(),
                            layout.blocks(),
                            rule.generationBudget());
                }
            }
        }
    }

    /** Of blocks first … end − 1 the budget largest are kept, as far as they lie before {@code border}. */
    private static void assertTop(
            BlockPattern actual, int head, int row, double[] importance, int first, int end, int border, int budget) {
        double[] sorted = Arrays.copyOfRange(importance, first, end);
        Arrays.sort(sorted);
        double least = sorted[sorted.length - budget];
        double next = sorted.length == budget ? 0 : sorted[sorted.length - budget - 1];
        for (int block = first; block < border; block++) {
            if (importance[block] > least * (1 + 1e-3) || importance[block] >= least && next < least * (1 - 1e-3)) {
                assertThat(actual.isKept(head, row, block))
                        .as("block %d of %d", block, row)
                        .isTrue();
            } else if (importance[block] < least * (1 - 1e-3)) {
                assertThat(actual.isKept(head, row, block))
                        .as("block %d of %d", block, row)
                        .isFalse();
            }
        }
    }

    /** Sums over blocks of the softmax over the keys from block {@code first} on, in float64. */
    private static double[][] importance(
            Matrix q, Matrix k, int head, HeadLayout heads, BlockLayout layout, int first) {
        int canvas = layout.canvasLength();
        int headDim = heads.headDim();
        double[][] sums = new double[layout.blocks()][layout.blocks()];
        double[] scores = new double[canvas];
        for (int row = 0; row < canvas; row++) {
            double max = Double.NEGATIVE_INFINITY;
            for (int key = layout.start(first); key < canvas; key++) {
                int query = q.row(row) + head * headDim;
                int at = k.row(key) + head / heads.group() * headDim;
                double score = 0;
                for (int d = 0; d < headDim; d++) {
                    score += (double) q.data()[query + d] * k.data()[at + d];
                }
                scores[key] = score / Math.sqrt(headDim);
                max = Math.max(max, scores[key]);
            }
            double sum = 0;
            for (int key = layout.start(first); key < canvas; key++) {
                sum += Math.exp(scores[key] - max);
            }
            for (int key = layout.start(first); key < canvas; key++) {
                sums[row / layout.blockSize()][key / layout.blockSize()] += Math.exp(scores[key] - max) / sum;
            }
        }
        return sums;
    }

    @Test
    void dependsOnNeitherThreadsNorNeighboursNorPattern() {
        HeadLayout heads = new HeadLayout(4, 2, 64);
        int canvas = 500;
        Matrix q = matrix(canvas, heads.queryColumns(), 3);
        Matrix k = matrix(canvas, heads.keyValueColumns(), 3);
        Matrix v = matrix(canvas, heads.keyValueColumns(), 1);
        Matrix out = Matrix.zeros(canvas, heads.queryColumns());
        amx.dense(q, k, v, heads, out, null);

        Matrix alone = Matrix.zeros(canvas, heads.queryColumns());
        try (WorkerPool one = new WorkerPool(1)) {
            new AmxAttention(new AttentionKernels(TestTiles.kernels()), one).dense(q, k, v, heads, alone, null);
        }
        assertThat(alone.data()).containsExactly(out.data());

        Matrix few = Matrix.zeros(7, heads.queryColumns());
        amx.dense(q.slice(237, 7), k, v, heads, few, null);
        assertThat(few.data()).containsExactly(Arrays.copyOfRange(out.data(), out.row(237), out.row(244)));

        Matrix all = Matrix.zeros(canvas, heads.queryColumns());
        BlockPattern everything = pattern(new BlockLayout(canvas, 100, 64), 4, 1);
        amx.blockSparse(q, Positions.range(0, canvas), k, v, heads, everything, all, null);
        assertThat(all.data()).containsExactly(out.data());
    }

    /** Blocks that share a tile of queries, several tiles of one block, all with other numbers of threads. */
    @ParameterizedTest
    @CsvSource({"300, 100, 7", "200, 60, 32", "420, 150, 150"})
    void selectionDependsOnNeitherThreadsNorOtherHeads(int canvas, int generation, int blockSize) {
        RatioRule rule = new RatioRule(new BlockLayout(canvas, generation, blockSize), 0.3);
        HeadLayout heads = new HeadLayout(2, 2, 16);
        Matrix q = matrix(canvas, 32, 3);
        Matrix k = matrix(canvas, 32, 3);
        Matrix out = Matrix.zeros(canvas, 32);
        Matrix logSumExp = Matrix.zeros(canvas, 2);
        BlockPattern pattern = amx.denseAndSelect(q, k, k, heads, out, logSumExp, rule);
        try (WorkerPool five = new WorkerPool(5)) {
            CpuAttention other = new AmxAttention(new AttentionKernels(TestTiles.kernels()), five);
            Matrix again = Matrix.zeros(canvas, 32);
            assertThat(other.denseAndSelect(q, k, k, heads, again, Matrix.zeros(canvas, 2), rule))
                    .isEqualTo(pattern);
            assertThat(again.data()).containsExactly(out.data());
            BlockPattern second = other.denseAndSelect(
                    columns(q, 16),
                    columns(k, 16),
                    columns(k, 16),
                    new HeadLayout(1, 1, 16),
                    Matrix.zeros(canvas, 16),
                    Matrix.zeros(canvas, 1),
                    rule);
            for (int i = 0; i < rule.layout().blocks(); i++) {
                for (int j = 0; j < rule.layout().blocks(); j++) {
                    assertThat(second.isKept(0, i, j)).isEqualTo(pattern.isKept(1, i, j));
                }
            }
        }
    }

    /** Calls of a few keys, of whose results the next ones go on, and lists that are longer than a call may be. */
    @ParameterizedTest
    @CsvSource({"300, 100, 7, 64", "290, 60, 32, 16", "420, 150, 150, 64", "200, 200, 64, 128"})
    void dependsNotOnHowManyKeysACallTakes(int canvas, int generation, int blockSize, int headDim) {
        RatioRule rule = new RatioRule(new BlockLayout(canvas, generation, blockSize), 0.4);
        HeadLayout heads = new HeadLayout(3, 3, headDim);
        Matrix q = matrix(canvas, heads.queryColumns(), 3);
        Matrix k = matrix(canvas, heads.keyValueColumns(), 3);
        BlockPattern pattern = pattern(rule.layout(), 3, 0.7);
        Positions all = Positions.range(0, canvas);
        Matrix[] expected = zeros(3, canvas, heads);
        Matrix[] expectedSums = zeros(3, canvas, new HeadLayout(3, 3, 2));
        amx.dense(q, k, k, heads, expected[0], expectedSums[0]);
        amx.blockSparse(q, all, k, k, heads, pattern, expected[1], expectedSums[1]);
        BlockPattern selected = amx.denseAndSelect(q, k, k, heads, expected[2], expectedSums[2], rule);
        for (int groups : new int[] {1, 3}) {
            CpuAttention other = new AmxAttention(
                    new AttentionKernels(TestTiles.kernels()),
                    pool,
                    groups * 2 * Tiles.groupBytes(headDim),
                    groups * 2 * Tiles.depthTiles(headDim));
            Matrix[] out = zeros(3, canvas, heads);
            Matrix[] sums = zeros(3, canvas, new HeadLayout(3, 3, 2));
            other.dense(q, k, k, heads, out[0], sums[0]);
            other.blockSparse(q, all, k, k, heads, pattern, out[1], sums[1]);
            assertThat(other.denseAndSelect(q, k, k, heads, out[2], sums[2], rule))
                    .isEqualTo(selected);
            for (int i = 0; i < out.length; i++) {
                assertThat(out[i].data()).containsExactly(expected[i].data());
                assertThat(sums[i].data()).containsExactly(expectedSums[i].data());
            }
        }
    }

    private static Matrix[] zeros(int count, int rows, HeadLayout heads) {
        Matrix[] matrices = new Matrix[count];
        Arrays.setAll(matrices, i -> Matrix.zeros(rows, heads.queryColumns()));
        return matrices;
    }

    private static Matrix columns(Matrix matrix, int from) {
        Matrix part = Matrix.zeros(matrix.rows(), matrix.columns() - from);
        for (int row = 0; row < matrix.rows(); row++) {
            System.arraycopy(matrix.data(), matrix.row(row) + from, part.data(), part.row(row), part.columns());
        }
        return part;
    }

    private static float[] elements(Matrix matrix) {
        return Arrays.copyOfRange(matrix.data(), matrix.offset(), matrix.row(matrix.rows()));
    }

    @Test
    void aNaNStaysInItsRowAndScoresGrowWithoutBound() {
        HeadLayout heads = new HeadLayout(1, 1, 32);
        Matrix q = matrix(40, 32, 1);
        Matrix k = rounded(matrix(200, 32, 1));
        Matrix v = rounded(matrix(200, 32, 1));
        for (int i = 0; i < 200 * 32; i++) { // every group of keys has greater scores than the one before
            k.data()[k.offset() + i] = bf16(k.data()[k.offset() + i] * (1 + i / 32));
        }
        q.data()[q.row(11) + 5] = Float.NaN;
        Matrix out = Matrix.zeros(40, 32);
        amx.dense(q, k, v, heads, out, null);
        q.data()[q.row(11) + 5] = 0;
        Matrix expected = Matrix.zeros(40, 32);
        scalar.dense(seen(q, 32), k, v, heads, expected, null);
        for (int d = 0; d < 32; d++) {
            assertThat(out.data()[out.row(11) + d]).isNaN();
            out.data()[out.row(11) + d] = expected.data()[expected.row(11) + d];
        }
        assertClose("output", out, expected, 0x1p-7f);
    }

    private static void assertClose(String what, Matrix actual, Matrix expected, float bound) {
        for (int i = 0; i < expected.rows() * expected.columns(); i++) {
            float a = actual.data()[actual.offset() + i];
            float e = expected.data()[expected.offset() + i];
            if (!(Math.abs(a - e) <= bound * (1 + Math.abs(e)))) {
                throw new AssertionError(what + ", element " + i + ": " + a + ", expected " + e);
            }
        }
        for (int i = 0; i < actual.data().length; i++) {
            if (i < actual.offset() || i >= actual.offset() + actual.rows() * actual.columns()) {
                assertThat(actual.data()[i]).as("beside the result").isNaN();
            }
        }
    }

    /** Gaussian values inside a larger array of NaN. */
    private Matrix matrix(int rows, int columns, float spread) {
        float[] data = new float[rows * columns + 31];
        Arrays.fill(data, Float.NaN);
        for (int i = 0; i < rows * columns; i++) {
            data[17 + i] = spread * (float) random.nextGaussian();
        }
        return new Matrix(data, 17, rows, columns);
    }

    private static Matrix rounded(Matrix matrix) {
        for (int i = matrix.offset(); i < matrix.offset() + matrix.rows() * matrix.columns(); i++) {
            matrix.data()[i] = bf16(matrix.data()[i]);
        }
        return matrix;
    }

    /** What the tiles see of queries: they are scaled by log₂e/√D before they are rounded. */
    private static Matrix seen(Matrix q, int headDim) {
        float scale = TileBatch.scale(headDim);
        Matrix seen = Matrix.zeros(q.rows(), q.columns());
        for (int i = 0; i < seen.data().length; i++) {
            seen.data()[i] = bf16(q.data()[q.offset() + i] * scale) / scale;
        }
        return seen;
    }

    private Positions scattered(int canvas) {
        return Positions.of(random.ints(0, canvas)
                .distinct()
                .limit(Math.max(1, canvas / 5))
                .sorted()
                .toArray());
    }

    private BlockPattern pattern(BlockLayout layout, int heads, double density) {
        BlockPattern.Builder builder = new BlockPattern.Builder(layout, heads);
        for (int head = 0; head < heads; head++) {
            for (int i = 0; i < layout.blocks(); i++) {
                builder.keep(head, i, random.nextInt(layout.blocks()));
                for (int j = 0; j < layout.blocks(); j++) {
                    if (random.nextDouble() < density) {
                        builder.keep(head, i, j);
                    }
                }
            }
        }
        return builder.build();
    }
}
