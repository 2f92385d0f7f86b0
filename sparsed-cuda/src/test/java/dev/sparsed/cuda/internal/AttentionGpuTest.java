package dev.sparsed.cuda.internal;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.BlockPattern;
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
        "10, 70, 2, 2, 256",
        "1000, 333, 24, 12, 128" // more query tiles than multiprocessors: a thread block takes several
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
        "129, 64, 2, 1, 128", "31, 32, 2, 1, 64", "97, 7, 2, 1, 64", "260, 48, 3, 1, 32", "50, 200, 1, 1, 128",
        // several query tiles for a thread block
        "700, 128, 24, 12, 128", "700, 64, 24, 12, 64", "700, 32, 24, 12, 64"
    })
    void blockSparse(int canvas, int blockSize, int queryHeads, int keyValueHeads, int headDim) {
        HeadLayout heads = new HeadLayout(queryHeads, keyValueHeads, headDim);
        BlockLayout layout = new BlockLayout(canvas, canvas / 4, blockSize);
        float[] k = pair.values(random, canvas * heads.keyValueColumns(), 1);
        float[] v = pair.values(random, canvas * heads.keyValueColumns(), 1);
        for (double density : new double[] {0, 0.3, 1}) {
            BlockPattern pattern = Samples.pattern(random, layout, queryHeads, density);
            for (Positions rows : new Positions[] {
                Positions.range(0, canvas), Positions.range(canvas / 3, canvas / 2 + 1), scattered(canvas)
            }) {
                float[] q = pair.values(random, rows.count() * heads.queryColumns(), 1);
                String what = "density " + density + ", rows " + rows;
                pair.compare(what, bound, side -> sparse(side, q, k, v, rows, heads, pattern)[0]);
                pair.compare("log-sum-exp, " + what, 1e-4f, side -> sparse(side, q, k, v, rows, heads, pattern)[1]);
            }
        }
    }

    /** {@return output and log-sum-exp; the output is the one of the form without it} */
    private static Tensor[] sparse(
            Pair.Side side, float[] q, float[] k, float[] v, Positions rows, HeadLayout heads, BlockPattern pattern) {
        int canvas = pattern.layout().canvasLength();
        Tensor queries = side.tensor(q, rows.count(), heads.queryColumns());
        Tensor keys = side.tensor(k, canvas, heads.keyValueColumns());
        Tensor values = side.tensor(v, canvas, heads.keyValueColumns());
        Tensor out = side.context.allocate(rows.count(), heads.queryColumns());
        Tensor sums = side.context.allocateFloats(rows.count(), heads.queryHeads());
        side.context.attention().blockSparse(queries, rows, keys, values, heads, pattern, out, sums);
        side.context.attention().blockSparse(queries, rows, keys, values, heads, pattern, out);
        return new Tensor[] {out, sums};
    }

    private Positions scattered(int canvas) {
        return Positions.of(random.ints(0, canvas)
                .distinct()
                .limit(Math.max(1, canvas / 5))
                .sorted()
                .toArray());
    }
}
