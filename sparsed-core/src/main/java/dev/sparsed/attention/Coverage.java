package dev.sparsed.attention;

/**
 * Selection and reuse as in {@link SparseD}, with a budget by coverage instead of a fixed share: every head and query block keeps the
 * fewest key blocks that cover τ of its attention at step e = ⌊T·skip⌋ + 1 ({@link CoverageRule}). What a head does not need is not computed,
 * and where every block matters, all are kept.
 *
 * @param skip s, the share of steps that stay dense, ≥ 0; 1 and above is all dense
 * @param coverage τ, the share of attention to cover, 0 … 1
 * @param floor the least share of key blocks to keep, 0 … 1
 * @param cap the largest share of key blocks to keep, floor … 1
 * @param blockSize B, positions per block, ≥ 1
 * @param isolated whether blocks of the generation are chosen among themselves, as in SparseD; if not, the fewest of all blocks that cover τ are kept
 */
public record Coverage(double skip, double coverage, double floor, double cap, int blockSize, boolean isolated)
        implements AttentionPolicy {

    /** Checks the ranges. */
    public Coverage {
        BlockBudget.checkSkip(skip);
        BlockBudget.checkBlockSize(blockSize);
        CoverageRule.check(coverage, floor, cap);
    }

    /**
     * Not isolated: at the same density it solves more (docs/quality.md).
     *
     * @param skip s, the share of steps that stay dense, ≥ 0; 1 and above is all dense
     * @param coverage τ, the share of attention to cover, 0 … 1
     * @param floor the least share of key blocks to keep, 0 … 1
     * @param cap the largest share of key blocks to keep, floor … 1
     * @param blockSize B, positions per block, ≥ 1
     */
    public Coverage(double skip, double coverage, double floor, double cap, int blockSize) {
        this(skip, coverage, floor, cap, blockSize, false);
    }

    /**
     * {@return a setting with which the demo model solved all of its own tasks of at most 512 tokens and 96 of 96 sudokus: skip 0.2, τ = 0.93, no
     * floor, no cap, blocks of 8, not isolated (docs/quality.md)} Small blocks tell apart what matters on canvases of some hundred tokens; GPUs run them
     * without tensor cores: take blocks of 32 and more there, and a longer canvas.
     */
    public static Coverage shortContext() {
        return new Coverage(0.2, 0.93, 0, 1, 8);
    }

    @Override
    public AttentionPlan plan(GenerationShape shape) {
        BlockLayout blocks = shape.blocks(blockSize);
        return AttentionPlan.selecting(
                this,
                SelectOnce.after(skip, shape.steps())::mode,
                new CoverageRule(isolated ? blocks : blocks.allGeneration(), coverage, floor, cap),
                shape.layers());
    }
}
