package dev.sparsed.internal.scalar;

import static dev.sparsed.internal.scalar.ScalarKernels.addScaled;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.attention.SelectionRule;
import dev.sparsed.internal.cpu.CpuAttention;
import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.WorkerPool;
import dev.sparsed.spi.HeadLayout;
import dev.sparsed.spi.Positions;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Attention one query row at a time: all scores of the row, their softmax, the weighted sum of the values. Memory O(N) per thread. */
final class ScalarAttention implements CpuAttention {

    private final WorkerPool pool;

    ScalarAttention(WorkerPool pool) {
        this.pool = pool;
    }

    /** {@code out = softmax(q·Kᵀ/√D)·V}, {@code logSumExp = ln Σ exp(score)}. */
    @Override
    public void dense(Matrix q, Matrix k, Matrix v, HeadLayout heads, Matrix out, @Nullable Matrix logSumExp) {
        for (int head = 0; head < heads.queryHeads(); head++) {
            int h = head;
            float[] keys = transposedKeys(k, heads, h);
            pool.forEach(q.rows(), (row, slot) -> {
                float[] scores = scores(q, row, h, keys, heads);
                double lse = softmax(scores);
                weightedSum(scores, v, heads, h, out, row);
                if (logSumExp != null) {
                    logSumExp.data()[logSumExp.row(row) + h] = (float) lse;
                }
            });
        }
    }

    /** The same with the scores of dropped key blocks set to −∞. */
    @Override
    public void blockSparse(
            Matrix q,
            Positions rows,
            Matrix k,
            Matrix v,
            HeadLayout heads,
            BlockPattern pattern,
            Matrix out,
            @Nullable Matrix logSumExp) {
        BlockLayout layout = pattern.layout();
        for (int head = 0; head < heads.queryHeads(); head++) {
            int h = head;
            float[] keys = transposedKeys(k, heads, h);
            pool.forEach(q.rows(), (row, slot) -> {
                float[] scores = scores(q, row, h, keys, heads);
                for (int block = 0; block < layout.blocks(); block++) {
                    if (!pattern.isKept(h, rows.get(row) / layout.blockSize(), block)) {
                        Arrays.fill(scores, layout.start(block), layout.end(block), Float.NEGATIVE_INFINITY);
                    }
                }
                double lse = softmax(scores);
                weightedSum(scores, v, heads, h, out, row);
                if (logSumExp != null) {
                    logSumExp.data()[logSumExp.row(row) + h] = (float) lse;
                }
            });
        }
    }

    @Override
    public BlockPattern denseAndSelect(
            Matrix q, Matrix k, Matrix v, HeadLayout heads, Matrix out, Matrix logSumExp, SelectionRule rule) {
        dense(q, k, v, heads, out, logSumExp);
        return select(q, k, logSumExp, heads, rule);
    }

    /**
     * {@link SelectionRule}, literally: importance of key block j for query block i is {@code Σ_(r∈i) Σ_(c∈j) A[r][c] / B²} with
     * {@code A = softmax} over all keys, and then over the generation keys alone. The division by B² changes no order and is left out.
     */
    private BlockPattern select(Matrix q, Matrix k, Matrix logSumExp, HeadLayout heads, SelectionRule rule) {
        BlockLayout layout = rule.layout();
        int generation = layout.firstGenerationBlock();
        BlockPattern.Builder pattern = new BlockPattern.Builder(layout, heads.queryHeads());
        for (int head = 0; head < heads.queryHeads(); head++) {
            int h = head;
            float[] keys = transposedKeys(k, heads, h);
            pool.forEach(layout.blocks(), (queryBlock, slot) -> {
                double[] overAll = new double[layout.blocks()];
                double[] overGeneration = new double[layout.blocks()];
                for (int row = layout.start(queryBlock); row < layout.end(queryBlock); row++) {
                    float[] scores = scores(q, row, h, keys, heads);
                    float lse = logSumExp.data()[logSumExp.row(row) + h];
                    for (int c = 0; c < scores.length; c++) {
                        overAll[c / layout.blockSize()] += Math.exp(scores[c] - lse);
                    }
                    Arrays.fill(scores, 0, layout.start(generation), Float.NEGATIVE_INFINITY);
                    softmax(scores);
                    for (int c = layout.start(generation); c < scores.length; c++) {
                        overGeneration[c / layout.blockSize()] += scores[c];
                    }
                }
                for (int block : mostImportant(overAll, 0, rule)) {
                    if (block < generation) {
                        pattern.keep(h, queryBlock, block);
                    }
                }
                for (int block : mostImportant(overGeneration, generation, rule)) {
                    pattern.keep(h, queryBlock, block);
                }
            });
        }
        return pattern.build();
    }

    /** As many blocks from {@code from} on as the rule takes, with the highest importance, ties to the lower block. */
    private static int[] mostImportant(double[] importance, int from, SelectionRule rule) {
        double[] ascending =
                Arrays.stream(importance, from, importance.length).sorted().toArray();
        return IntStream.range(from, importance.length)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer block) -> -importance[block])) // a stable sort
                .limit(rule.budget(ascending, ascending.length))
                .mapToInt(Integer::intValue)
                .toArray();
    }

    /** {@code Kᵀ[D][N]} of the key/value head that a query head reads. */
    private static float[] transposedKeys(Matrix k, HeadLayout heads, int head) {
        int column = head / heads.group() * heads.headDim();
        float[] transposed = new float[Math.multiplyExact(heads.headDim(), k.rows())];
        for (int c = 0; c < k.rows(); c++) {
            for (int d = 0; d < heads.headDim(); d++) {
                transposed[d * k.rows() + c] = k.data()[k.row(c) + column + d];
            }
        }
        return transposed;
    }

    /** {@code scores[c] = Σ_d q[d]·K[c][d] / √D}. */
    private static float[] scores(Matrix q, int row, int head, float[] keys, HeadLayout heads) {
        int count = keys.length / heads.headDim();
        float[] scores = new float[count];
        for (int d = 0; d < heads.headDim(); d++) {
            float query = q.data()[q.row(row) + head * heads.headDim() + d];
            addScaled(scores, query, keys, d * count, count);
        }
        for (int c = 0; c < count; c++) {
            scores[c] *= heads.scale();
        }
        return scores;
    }

    /** Softmax in place. {@return ln Σ exp(score)} */
    private static double softmax(float[] scores) {
        float max = Float.NEGATIVE_INFINITY;
        for (float score : scores) {
            max = Math.max(max, score);
        }
        double sum = 0;
        for (int c = 0; c < scores.length; c++) {
            scores[c] = (float) Math.exp(scores[c] - max);
            sum += scores[c];
        }
        for (int c = 0; c < scores.length; c++) {
            scores[c] = (float) (scores[c] / sum);
        }
        return max + Math.log(sum);
    }

    /** {@code out[row] = Σ_c weight[c]·V[c]}. */
    private static void weightedSum(float[] weights, Matrix v, HeadLayout heads, int head, Matrix out, int row) {
        float[] sums = new float[heads.headDim()];
        for (int c = 0; c < weights.length; c++) {
            addScaled(sums, weights[c], v.data(), v.row(c) + head / heads.group() * heads.headDim(), heads.headDim());
        }
        System.arraycopy(sums, 0, out.data(), out.row(row) + head * heads.headDim(), heads.headDim());
    }
}
