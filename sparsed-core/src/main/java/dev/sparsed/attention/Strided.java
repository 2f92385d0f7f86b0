package dev.sparsed.attention;

/**
 * Strided attention whose heads take turns (S2-Attention, arXiv 2407.17678: heads that attend to different shards and together cover the
 * context), by blocks and in both directions: head h keeps, besides the query block itself, the key blocks j with (j + h) mod s = 0. With the
 * stride s = ⌈n / max(1, w − 1)⌉ a query block keeps at most w = min(n, ⌊n·ρ⌋ + 1) blocks, but never fewer than itself and one shard. Every
 * step is block-sparse.
 *
 * @param select ρ, the share of key blocks to keep, 0 … 1
 * @param blockSize B, positions per block, ≥ 1
 */
public record Strided(double select, int blockSize) implements AttentionPolicy {

    /** Checks the ranges. */
    public Strided {
        BlockBudget.checkShare("select", select);
        BlockBudget.checkBlockSize(blockSize);
    }

    @Override
    public AttentionPlan plan(GenerationShape shape) {
        BlockLayout layout = shape.blocks(blockSize);
        int blocks = layout.blocks();
        int budget = BlockBudget.of(select, blocks);
        int stride = budget == blocks ? 1 : Math.ceilDiv(blocks, Math.max(1, budget - 1));
        return FixedPatterns.plan(
                this, shape, layout, (head, query, key) -> key == query || (key + head) % stride == 0);
    }
}
