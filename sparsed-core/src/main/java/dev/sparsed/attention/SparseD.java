package dev.sparsed.attention;

/**
 * SparseD (arXiv 2509.24014, ICLR 2026). Patterns differ from head to head, hardly change from step to step, and early steps matter most:
 * with e = ⌊T·skip⌋ + 1, the steps 0 … e are dense, step e also selects a pattern per layer and head ({@link RatioRule}), and the
 * steps e + 1 … T − 1 are block-sparse with it. If e ≥ T − 1, all steps are dense and nothing is selected.
 *
 * @param skip s, the share of steps that stay dense, ≥ 0; 1 and above is all dense
 * @param select ρ, the share of key blocks to keep, 0 … 1
 * @param blockSize B, positions per block, ≥ 1
 */
public record SparseD(double skip, double select, int blockSize) implements AttentionPolicy {

    /** Checks the ranges. */
    public SparseD {
        BlockBudget.checkSkip(skip);
        BlockBudget.checkShare("select", select);
        BlockBudget.checkBlockSize(blockSize);
    }

    /** {@return the paper's setting for long contexts: skip 0.2, select 0.3, blocks of 128} */
    public static SparseD longContext() {
        return new SparseD(0.2, 0.3, 128);
    }

    /** {@return the paper's setting for short contexts: skip 0.2, select 0.5, blocks of 32} */
    public static SparseD shortContext() {
        return new SparseD(0.2, 0.5, 32);
    }

    /**
     * SparseD where it pays: dense attention on canvases of less than 4,096 tokens, {@link #longContext()} from there on. One number for all
     * backends: 4,096 is the shortest canvas on which whole generations were measured faster than dense ones on a GPU (1.06 times; 1.56 at
     * 65,536), and on a CPU, where it pays from about 2,048 on, what is given up below is little. On short canvases a fixed share is also the
     * most likely to lose answers. The result tells what ran ({@code GenerationResult.policy}).
     *
     * @return the policy
     */
    public static AttentionPolicy auto() {
        return Auto.INSTANCE;
    }

    /**
     * The same with a fixed number of dense steps instead of a share of them: for generations whose number of steps is not known beforehand.
     *
     * @param denseSteps the first so many steps are dense, ≥ 1; the last of them selects
     * @return the policy
     */
    public AttentionPolicy afterSteps(int denseSteps) {
        return new AfterSteps(this, denseSteps);
    }

    /**
     * The same without one of its parts.
     *
     * @param part what to leave out
     * @return the policy
     */
    public AttentionPolicy without(SparseDAblation.Part part) {
        return new SparseDAblation(this, part);
    }

    @Override
    public AttentionPlan plan(GenerationShape shape) {
        return plan(this, shape, SelectOnce.after(skip, shape.steps()));
    }

    private AttentionPlan plan(AttentionPolicy policy, GenerationShape shape, SelectOnce schedule) {
        return AttentionPlan.selecting(
                policy, schedule::mode, new RatioRule(shape.blocks(blockSize), select), shape.layers());
    }

    /** {@link SparseD} whose first steps are counted. */
    private record AfterSteps(SparseD method, int denseSteps) implements AttentionPolicy {

        AfterSteps {
            if (denseSteps < 1) {
                throw new IllegalArgumentException("denseSteps = " + denseSteps + ": must be at least 1");
            }
        }

        @Override
        public AttentionPlan plan(GenerationShape shape) {
            return method.plan(this, shape, new SelectOnce(denseSteps - 1, shape.steps()));
        }
    }
}
