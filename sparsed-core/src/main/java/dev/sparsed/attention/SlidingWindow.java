package dev.sparsed.attention;

/**
 * Sliding window attention (Longformer, arXiv 2004.05150, §3.1), by blocks: query block i keeps the w = min(n, ⌊n·ρ⌋ + 1) blocks around it, i −
 * ⌊w/2⌋ and on, shifted at the ends so that every query block keeps w. Every step is block-sparse.
 *
 * @param select ρ, the share of key blocks to keep, 0 … 1
 * @param blockSize B, positions per block, ≥ 1
 */
public record SlidingWindow(double select, int blockSize) implements AttentionPolicy {

    /** Checks the ranges. */
    public SlidingWindow {
        BlockBudget.checkShare("select", select);
        BlockBudget.checkBlockSize(blockSize);
    }

    @Override
    public AttentionPlan plan(GenerationShape shape) {
        BlockLayout layout = shape.blocks(blockSize);
        int width = BlockBudget.of(select, layout.blocks());
        return FixedPatterns.plan(
                this, shape, layout, (head, query, key) -> contains(0, layout.blocks(), width, query, key));
    }

    /** {@return whether the window of a query block, within the blocks first … blocks − 1, contains a key block} */
    static boolean contains(int first, int blocks, int width, int query, int key) {
        int from = Math.clamp(query - width / 2, first, blocks - width);
        return key >= from && key < from + width;
    }
}
