package dev.sparsed.attention;

/**
 * Isolated selection and reuse as in {@link SparseD}, with a budget by coverage instead of a fixed share: every head and query block keeps the
 * fewest key blocks that cover τ of its attention at step e = ⌊T·skip⌋ + 1 ({@link CoverageRule}). What a head does not need is not computed,
 * and where every block matters, all are kept.
 *
 * @param skip s, the share of steps that stay dense, ≥ 0; 1 and above is all dense
 * @param coverage τ, the share of attention to cover, 0 … 1
 * @param floor the least share of key blocks to keep, 0 … 1
 * @param cap the largest share of key blocks to keep, floor … 1
 * @param blockSize B, positions per block, ≥ 1
 */
public record Coverage(double skip, double coverage, double floor, double cap, int blockSize)
        implements AttentionPolicy {

    /** Checks the ranges. */
    public Coverage {
        BlockBudget.checkSkip(skip);
        BlockBudget.checkBlockSize(blockSize);
        CoverageRule.check(coverage, floor, cap);
    }

    /**
     * {@return a setting that lost no answer of the demo model, sudokus included: skip 0.2, τ = 0.95, no floor, no cap, blocks of 8} Small blocks
     * tell apart what matters on canvases of some hundred tokens; GPUs run them without tensor cores: take blocks of 32 and more there, and a longer canvas.
     */
    public static Coverage shortContext() {
        return new Coverage(0.2, 0.95, 0, 1, 8);
    }

    @Override
    public AttentionPlan plan(GenerationShape shape) {
        return AttentionPlan.selecting(
                this,
                SelectOnce.after(skip, shape.steps())::mode,
                new CoverageRule(shape.blocks(blockSize), coverage, floor, cap),
                shape.layers());
    }
}
