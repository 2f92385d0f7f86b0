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

    private final ExecutionContext context;
    private final HeadLayout heads;
    private final Tensor unusedOutput;
    private final Tensor kept;
    private final float[] keptSums;
    private final float[] denseSums;

    Recall(ExecutionContext context, HeadLayout heads, int canvasLength) {
        this.context = context;
        this.heads = heads;
        this.unusedOutput = context.allocate(canvasLength, heads.queryColumns());
        this.kept = context.allocateFloats(canvasLength, heads.queryHeads());
        this.keptSums = new float[Math.multiplyExact(canvasLength, heads.queryHeads())];
        this.denseSums = new float[keptSums.length];
    }

    /**
     * Runs block-sparse attention of all rows.
     *
     * @param q {@code [N, queryHeads × headDim]}
     * @param rows all positions
     * @param k {@code [N, keyValueHeads × headDim]}
     * @param v {@code [N, keyValueHeads × headDim]}
     * @param pattern what is kept
     * @param dense {@code [N, queryHeads]}, the log-sum-exp of dense attention
     * @param out receives the output, {@code [N, queryHeads × headDim]}; null if it is not wanted
     * @return by query head, the mean share of the rows
     */
    double[] measure(
            Tensor q, Positions rows, Tensor k, Tensor v, BlockPattern pattern, Tensor dense, @Nullable Tensor out) {
        context.attention().blockSparse(q, rows, k, v, heads, pattern, out == null ? unusedOutput : out, kept);
        context.download(kept, keptSums);
        context.download(dense, denseSums);
        double[] mass = new double[heads.queryHeads()];
        for (int i = 0; i < keptSums.length; i++) { // rounding may bring a share that is all to 1 + 10⁻⁶
            mass[i % mass.length] += Math.min(1, Math.exp((double) keptSums[i] - denseSums[i]));
        }
        for (int head = 0; head < mass.length; head++) {
            mass[head] /= rows.count();
        }
        return mass;
    }
}
