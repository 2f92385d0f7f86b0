package dev.sparsed.internal.model;

import dev.sparsed.attention.BlockPattern;
import dev.sparsed.spi.ExecutionContext;
import dev.sparsed.spi.HeadLayout;
import dev.sparsed.spi.Positions;
import dev.sparsed.spi.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * Measures how much of the dense attention a pattern keeps. A row's share is Σ_kept exp(score) / Σ_all exp(score) = exp(kept − dense), with the
 * log-sum-exps of block-sparse and dense attention.
 */
final class Recall {

    /** Rows that stand for all where a sample has to do. */
    static final int SAMPLED_ROWS = 64;

    private final ExecutionContext context;
    private final HeadLayout heads;
    private final Tensor unusedOutput;
    private final Tensor kept;
    private final Tensor sampledQueries;
    private final Tensor sampledDense;

    /**
     * Allocates what measuring takes.
     *
     * @param context the request's
     * @param heads how columns split into heads
     * @param mostRows the most rows that are measured at once
     */
    Recall(ExecutionContext context, HeadLayout heads, int mostRows) {
        this.context = context;
        this.heads = heads;
        this.unusedOutput = context.allocate(mostRows, heads.queryColumns());
        this.kept = context.allocateFloats(mostRows, heads.queryHeads());
        this.sampledQueries = context.allocate(SAMPLED_ROWS, heads.queryColumns());
        this.sampledDense = context.allocateFloats(SAMPLED_ROWS, heads.queryHeads());
    }

    /**
     * Runs block-sparse attention of some rows.
     *
     * @param q {@code [R, queryHeads × headDim]}
     * @param rows their positions
     * @param k {@code [N, keyValueHeads × headDim]}
     * @param v {@code [N, keyValueHeads × headDim]}
     * @param pattern what is kept
     * @param dense {@code [R, queryHeads]}, the log-sum-exp of dense attention
     * @param out receives the output, {@code [R, queryHeads × headDim]}; null if it is not wanted
     * @return by query head, the mean share of the rows
     */
    double[] measure(
            Tensor q, Positions rows, Tensor k, Tensor v, BlockPattern pattern, Tensor dense, @Nullable Tensor out) {
        int count = rows.count();
        Tensor output = out == null ? unusedOutput.slice(0, count) : out;
        context.attention().blockSparse(q, rows, k, v, heads, pattern, output, kept.slice(0, count));
        float[] keptSums = new float[Math.multiplyExact(count, heads.queryHeads())];
        float[] denseSums = new float[keptSums.length];
        context.download(kept.slice(0, count), keptSums);
        context.download(dense, denseSums);
        double[] mass = new double[heads.queryHeads()];
        for (int i = 0; i < keptSums.length; i++) { // rounding may bring a share that is all to 1 + 10⁻⁶
            mass[i % mass.length] += Math.min(1, Math.exp((double) keptSums[i] - denseSums[i]));
        }
        for (int head = 0; head < mass.length; head++) {
            mass[head] /= count;
        }
        return mass;
    }

    /**
     * Measures a sample of the rows, evenly spread.
     *
     * @param q {@code [R, queryHeads × headDim]}
     * @param rows their positions
     * @param k {@code [N, keyValueHeads × headDim]}
     * @param v {@code [N, keyValueHeads × headDim]}
     * @param pattern what is kept
     * @return by query head, the mean share of the sampled rows
     */
    double[] sample(Tensor q, Positions rows, Tensor k, Tensor v, BlockPattern pattern) {
        int count = Math.min(SAMPLED_ROWS, rows.count());
        int[] picked = new int[count];
        int[] positions = new int[count];
        for (int i = 0; i < count; i++) {
            picked[i] = (int) ((long) i * rows.count() / count);
            positions[i] = rows.get(picked[i]);
        }
        Tensor some = sampledQueries.slice(0, count);
        Tensor dense = sampledDense.slice(0, count);
        context.gather(q, Positions.of(picked), some);
        context.attention().dense(some, k, v, heads, unusedOutput.slice(0, count), dense);
        return measure(some, Positions.of(positions), k, v, pattern, dense, null);
    }
}
