package dev.sparsed.attention;

/**
 * Attention sinks and a window (StreamingLLM, arXiv 2309.17453, §3.2), by blocks: of w = min(n, ⌊n·ρ⌋ + 1) blocks, the first ones of the canvas
 * are kept as sinks, and the others, one at least, are a {@link SlidingWindow} over the blocks behind the sinks. Every step is block-sparse.
 *
 * @param sinks blocks at the start of the canvas that every query keeps, ≥ 1
 * @param select ρ, the share of key blocks to keep, 0 … 1
 * @param blockSize B, positions per block, ≥ 1
 */
public record SinkWindow(int sinks, double select, int blockSize) implements AttentionPolicy {

    /** Checks the ranges. */
    public SinkWindow {
        if (sinks < 1) {
            throw new IllegalArgumentException(
                    "sinks = " + sinks + ": must be at least 1; take SlidingWindow for none");
        }
        BlockBudget.checkShare("select", select);
        BlockBudget.checkBlockSize(blockSize);
    }

    @Override
    public AttentionPlan plan(GenerationShape shape) {
        BlockLayout layout = shape.blocks(blockSize);
        int blocks = layout.blocks();
        int first = Math.min(sinks, blocks);
        int width = Math.min(Math.max(1, BlockBudget.of(select, blocks) - first), blocks - first);
        return FixedPatterns.plan(
                this,
                shape,
                layout,
                (head, query, key) -> key < first || SlidingWindow.contains(first, blocks, width, query, key));
    }
}
