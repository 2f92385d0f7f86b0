package dev.sparsed.cuda.internal;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.attention.RatioRule;
import dev.sparsed.attention.SelectionRule;
import dev.sparsed.cuda.RequiresGpu;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.HeadLayout;
import dev.sparsed.spi.Positions;
import dev.sparsed.spi.Tensor;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Attention on the GPU against the scalar backend, whatever kernels serve the shape. */
@RequiresGpu
@ParameterizedClass
@EnumSource(
        value = DType.class,
        names = {"F32", "BF16"})
class AttentionGpuTest {

    private final Random random = new Random(7);
    private final Pair pair;
    /** bf16: the probabilities are rounded before P·V, and the output once more. */
    private final float bound;

    AttentionGpuTest(DType dtype) {
        pair = new Pair(dtype);
        bound = dtype == DType.F32 ? 3e-5f : 1f / 64;
    }

    @AfterEach
    void close() {
        pair.close();
    }

    @ParameterizedTest
    @CsvSource({
        "1, 1, 1, 1, 64",
        "3, 7, 2, 1, 64",
        "33, 31, 2, 2, 128",
        "127, 129, 4, 2, 64",
        "129, 127, 7, 1, 128",
        "200, 1000, 2, 1, 128",
        "65, 513, 3, 3, 16",
        "40, 100, 2, 1, 96",
        "10, 70, 2, 2, 256"
    })
    void dense(int rows, int canvas, int queryHeads, int keyValueHeads, int headDim) {
        HeadLayout heads = new HeadLayout(queryHeads, keyValueHeads, headDim);
        for (float spread : new float[] {1, 4}) {
            float[] q = pair.values(random, rows * heads.queryColumns(), spread);
            float[] k = pair.values(random, canvas * heads.keyValueColumns(), spread);
            float[] v = pair.values(random, canvas * heads.keyValueColumns(), 1);
            pair.compare("dense attention", bound, side -> {
                Tensor out = side.context.allocate(rows, heads.queryColumns());
                Tensor keys = side.tensor(k, canvas, heads.keyValueColumns());
                Tensor values = side.tensor(v, canvas, heads.keyValueColumns());
                side.context
                        .attention()
                        .dense(side.tensor(q, rows, heads.queryColumns()), keys, values, heads, out, null);
                return out;
            });
            pair.compare("log-sum-exp", 1e-4f, side -> {
                Tensor out = side.context.allocate(rows, heads.queryColumns());
                Tensor sums = side.context.allocateFloats(rows, queryHeads);
                Tensor keys = side.tensor(k, canvas, heads.keyValueColumns());
                side.context
                        .attention()
                        .dense(side.tensor(q, rows, heads.queryColumns()), keys, keys, heads, out, sums);
                return sums;
            });
        }
    }

    @ParameterizedTest
    @CsvSource({
        "300, 32, 2, 1, 64", "300, 64, 4, 2, 128", "300, 128, 2, 2, 64", "1000, 128, 7, 1, 128", "1000, 32, 2, 2, 128",
        "129, 64, 2, 1, 128", "31, 32, 2, 1, 64", "97, 7, 2, 1, 64", "260, 48, 3, 1, 32", "50, 200, 1, 1, 128"
    })
    void blockSparse(int canvas, int blockSize, int queryHeads, int keyValueHeads, int headDim) {
        HeadLayout heads = new HeadLayout(queryHeads, keyValueHeads, headDim);
        BlockLayout layout = new BlockLayout(canvas, canvas / 4, blockSize);
        float[] k = pair.values(random, canvas * heads.keyValueColumns(), 1);
        float[] v = pair.values(random, canvas * heads.keyValueColumns(), 1);
        for (double density : new double[] {0, 0.3, 1}) {
            BlockPattern pattern = pattern(layout, queryHeads, density);
            for (Positions rows : new Positions[] {
                Positions.range(0, canvas), Positions.range(canvas / 3, canvas / 2 + 1), scattered(canvas)
            }) {
                float[] q = pair.values(random, rows.count() * heads.queryColumns(), 1);
                pair.compare("density " + density + ", rows " + rows, bound, side -> {
                    Tensor out = side.context.allocate(rows.count(), heads.queryColumns());
                    side.context
                            .attention()
                            .blockSparse(
                                    side.tensor(q, rows.count(), heads.queryColumns()),
                                    rows,
                                    side.tensor(k, canvas, heads.keyValueColumns()),
                                    side.tensor(v, canvas, heads.keyValueColumns()),
                                    heads,
                                    pattern,
                                    out);
                    return out;
                });
            }
        }
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

    /**
     * Both backends sum in float32, in another order: they may choose differently between blocks whose importances differ by a rounding, so
     * the kept importance is compared, block by block of the sorted choice, and the number of blocks.
     */
    @ParameterizedTest
    @CsvSource({
        "300, 60, 32, 2, 1, 64, 0.3",
        "1000, 128, 128, 4, 2, 128, 0.3",
        "1000, 1000, 64, 2, 2, 128, 0.5",
        "777, 100, 64, 2, 1, 64, 0.1",
        "20, 10, 32, 2, 1, 64, 0.5",
        "130, 1, 64, 7, 1, 128, 0.9",
        "97, 30, 7, 2, 1, 64, 0.2",
        "260, 40, 48, 3, 1, 32, 0",
        "2100, 300, 32, 2, 1, 64, 0.3"
    })
    void denseAndSelect(
            int canvas, int generation, int blockSize, int queryHeads, int keyValueHeads, int headDim, double select) {
        HeadLayout heads = new HeadLayout(queryHeads, keyValueHeads, headDim);
        BlockLayout layout = new BlockLayout(canvas, generation, blockSize);
        SelectionRule rule = new RatioRule(layout, select);
        float[] q = pair.values(random, canvas * heads.queryColumns(), 1.5f);
        float[] k = pair.values(random, canvas * heads.keyValueColumns(), 1.5f);
        BlockPattern expected = selected(pair.scalar, q, k, heads, rule);
        BlockPattern actual = selected(pair.cuda, q, k, heads, rule);
        double[][][] importance = importance(q, k, heads, layout);
        for (int head = 0; head < queryHeads; head++) {
            for (int i = 0; i < layout.blocks(); i++) {
                assertThat(actual.keptCount(head, i)).isEqualTo(expected.keptCount(head, i));
                for (int j = 0; j < layout.blocks(); j++) {
                    if (expected.isKept(head, i, j) != actual.isKept(head, i, j)) {
                        assertTie(importance[head][i], j, expected, actual, head, i);
                    }
                }
            }
        }
    }

    /** A block that one kept and the other did not: some other block the other way round is as important, to 1e-4. */
    private static void assertTie(
            double[] importance, int block, BlockPattern expected, BlockPattern actual, int head, int queryBlock) {
        boolean keptByOne = expected.isKept(head, queryBlock, block);
        boolean tied = false;
        for (int other = 0; other < importance.length; other++) {
            boolean opposite = expected.isKept(head, queryBlock, other) != keptByOne
                    && actual.isKept(head, queryBlock, other) == keptByOne;
            tied |= opposite && Math.abs(importance[other] - importance[block]) <= 1e-4 * importance[block];
        }
        assertThat(tied)
                .as("head %d, query block %d, key block %d: %s", head, queryBlock, block, keptByOne)
                .isTrue();
    }

    private static BlockPattern selected(Pair.Side side, float[] q, float[] k, HeadLayout heads, SelectionRule rule) {
        int canvas = rule.layout().canvasLength();
        Tensor queries = side.tensor(q, canvas, heads.queryColumns());
        Tensor keys = side.tensor(k, canvas, heads.keyValueColumns());
        Tensor out = side.context.allocate(canvas, heads.queryColumns());
        Tensor sums = side.context.allocateFloats(canvas, heads.queryHeads());
        return side.context.attention().denseAndSelect(queries, keys, keys, heads, out, sums, rule);
    }

    /** Sums of the softmax, and where a block is one of the generation's, of that over the generation's keys. */
    private static double[][][] importance(float[] q, float[] k, HeadLayout heads, BlockLayout layout) {
        int canvas = layout.canvasLength();
        int first = layout.firstGenerationBlock();
        double[][][] sums = new double[heads.queryHeads()][layout.blocks()][layout.blocks()];
        double[] weights = new double[canvas];
        for (int head = 0; head < heads.queryHeads(); head++) {
            for (int row = 0; row < canvas; row++) {
                double all = 0;
                double generated = 0;
                for (int key = 0; key < canvas; key++) {
                    double score = 0;
                    for (int d = 0; d < heads.headDim(); d++) {
                        score += (double) q[row * heads.queryColumns() + head * heads.headDim() + d]
                                * k[key * heads.keyValueColumns() + head / heads.group() * heads.headDim() + d];
                    }
                    weights[key] = Math.exp(score * heads.scale());
                    all += weights[key];
                    generated += key >= layout.start(first) ? weights[key] : 0;
                }
                for (int key = 0; key < canvas; key++) {
                    int block = key / layout.blockSize();
                    sums[head][row / layout.blockSize()][block] += weights[key] / (block >= first ? generated : all);
                }
            }
        }
        return sums;
    }
}
