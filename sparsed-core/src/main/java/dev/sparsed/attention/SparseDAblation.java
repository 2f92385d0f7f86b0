package dev.sparsed.attention;

import java.util.function.IntFunction;

/**
 * {@link SparseD} without one of its parts, as in its paper's ablations (arXiv 2509.24014): what each part is worth.
 *
 * @param method the whole method
 * @param without the part that is left out
 */
public record SparseDAblation(SparseD method, Part without) implements AttentionPolicy {

    /** A part of the method. */
    public enum Part {
        /** Without it, every step after step e selects anew, and attends with what it selected. */
        REUSE,
        /** Without it, the k₁ most important of all blocks are kept, whether prompt or generation, and no others. */
        ISOLATION,
        /** Without it, no step is dense: step 0 selects and attends with it, and so do all others. */
        SKIP
    }

    @Override
    public AttentionPlan plan(GenerationShape shape) {
        BlockLayout layout = shape.blocks(method.blockSize());
        SelectOnce schedule = SelectOnce.after(method.skip(), shape.steps());
        return switch (without) {
            case REUSE -> plan(layout, shape.layers(), step -> eachTime(schedule.mode(step)));
            // where all is generation, A′ = A and k₂ = k₁
            case ISOLATION -> plan(layout.allGeneration(), shape.layers(), schedule::mode);
            case SKIP ->
                plan(
                        layout,
                        shape.layers(),
                        step -> step == 0 ? AttentionMode.SELECT_AND_SPARSE : AttentionMode.BLOCK_SPARSE);
        };
    }

    private AttentionPlan plan(BlockLayout layout, int layers, IntFunction<AttentionMode> schedule) {
        return AttentionPlan.selecting(this, schedule, new RatioRule(layout, method.select()), layers);
    }

    /** Nothing outlives a step, so step e need not select. */
    private static AttentionMode eachTime(AttentionMode mode) {
        return mode == AttentionMode.BLOCK_SPARSE ? AttentionMode.SELECT_AND_SPARSE : AttentionMode.DENSE;
    }
}
