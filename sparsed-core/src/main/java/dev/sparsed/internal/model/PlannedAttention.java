package dev.sparsed.internal.model;

import dev.sparsed.attention.AttentionMode;
import dev.sparsed.attention.AttentionPlan;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.attention.QueriesAndKeys;
import dev.sparsed.spi.AttentionBackend;
import dev.sparsed.spi.ExecutionContext;
import dev.sparsed.spi.HeadLayout;
import dev.sparsed.spi.Positions;
import dev.sparsed.spi.Tensor;
import org.jspecify.annotations.Nullable;

/** Attention as a request's plan has it: dense, block-sparse, selecting, and measured where the plan asks for it. */
final class PlannedAttention {

    private final ExecutionContext context;
    private final AttentionPlan plan;
    private final HeadLayout heads;
    private final int canvasLength;
    private @Nullable Tensor logSumExp;
    private @Nullable Recall recall;

    PlannedAttention(ExecutionContext context, AttentionPlan plan, HeadLayout heads, int canvasLength) {
        this.context = context;
        this.plan = plan;
        this.heads = heads;
        this.canvasLength = canvasLength;
    }

    /** {@return whether a pass in this mode reads something back, so that it cannot be replayed} It needs the rows of all layers alike. */
    boolean readsBack(AttentionMode mode) {
        return mode.selects() || plan.measures(mode) || plan.samples();
    }

    /**
     * Runs a layer's attention.
     *
     * @param layer its index
     * @param mode how attention looks
     * @param q {@code [R, queryHeads × headDim]}, after RoPE
     * @param rows their positions
     * @param k {@code [N, keyValueHeads × headDim]}, after RoPE
     * @param v {@code [N, keyValueHeads × headDim]}
     * @param out receives {@code [R, queryHeads × headDim]}
     */
    void attend(int layer, AttentionMode mode, Tensor q, Positions rows, Tensor k, Tensor v, Tensor out) {
        boolean measured = plan.measures(mode);
        if (mode == AttentionMode.DENSE) {
            context.attention().dense(q, k, v, heads, out, null);
        } else if (mode == AttentionMode.BLOCK_SPARSE && !measured) {
            context.attention().blockSparse(q, rows, k, v, heads, plan.pattern(layer), out);
        } else {
            selectOrMeasure(layer, mode, measured, q, rows, k, v, out);
        }
        if (plan.samples()) {
            plan.keepSample(recall().sample(q, rows, k, v, plan.pattern(layer)));
        }
    }

    /** Where all rows have gone through dense attention, whether its output is wanted or only the log-sum-exp. */
    private void selectOrMeasure(
            int layer, AttentionMode mode, boolean measured, Tensor q, Positions rows, Tensor k, Tensor v, Tensor out) {
        if (logSumExp == null) {
            logSumExp = context.allocateFloats(canvasLength, heads.queryHeads());
        }
        AttentionBackend kernels = context.attention();
        if (mode.selects() && plan.hostSelection().isEmpty()) {
            plan.keep(layer, kernels.denseAndSelect(q, k, v, heads, out, logSumExp, plan.rule()));
        } else {
            kernels.dense(q, k, v, heads, out, logSumExp);
            if (mode.selects()) {
                plan.keep(layer, selectedOnHost(q, k));
            }
        }
        boolean sparse = mode != AttentionMode.DENSE_AND_SELECT;
        if (measured) {
            plan.keepMass(layer, recall().measure(q, rows, k, v, plan.pattern(layer), logSumExp, sparse ? out : null));
        } else if (sparse) {
            kernels.blockSparse(q, rows, k, v, heads, plan.pattern(layer), out);
        }
    }

    private BlockPattern selectedOnHost(Tensor q, Tensor k) {
        float[] queries = new float[Math.multiplyExact(canvasLength, heads.queryColumns())];
        float[] keys = new float[Math.multiplyExact(canvasLength, heads.keyValueColumns())];
        context.download(q, queries);
        context.download(k, keys);
        return plan.hostSelection()
                .orElseThrow()
                .select(new QueriesAndKeys(
                        canvasLength, heads.queryHeads(), heads.keyValueHeads(), heads.headDim(), queries, keys));
    }

    private Recall recall() {
        if (recall == null) {
            recall = new Recall(context, heads, Math.max(canvasLength, Recall.SAMPLED_ROWS));
        }
        return recall;
    }
}
