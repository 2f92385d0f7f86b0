package dev.sparsed.attention;

import java.util.function.IntFunction;

/**
 * {@link SparseD} without one of its parts, as in its paper's ablations (arXiv 2509.24014), and one that the paper has not: what each part is
 * worth.
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
        SKIP,
        /**
         * Without it, step e attends with what it selects, layer by layer: a layer's pattern is selected from what block-sparse layers below
         * give it, as it will be used. Not in the paper.
         */
        DENSE_SELECTION
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
            case DENSE_SELECTION -> plan(layout, shape.layers(), step -> sparseSelection(schedule.mode(step)));
        };
    }

    private AttentionPlan plan(BlockLayout layout, int layers, IntFunction<AttentionMode> schedule) {
        return AttentionPlan.selecting(this, schedule, new RatioRule(layout, method.select()), layers);
    }

    private static AttentionMode sparseSelection(AttentionMode mode) {
        return mode == AttentionMode.DENSE_AND_SELECT ? AttentionMode.SELECT_AND_SPARSE : mode;
    }

    /** Nothing outlives a step, so step e need not select. */
    private static AttentionMode eachTime(AttentionMode mode) {
        return mode == AttentionMode.BLOCK_SPARSE ? AttentionMode.SELECT_AND_SPARSE : AttentionMode.DENSE;
    }
}
