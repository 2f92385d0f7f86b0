package dev.sparsed.attention;

/**
 * Attention at exponential distances (PowerAttention, arXiv 2503.03588), by blocks and in both directions: query block i keeps the key
 * blocks j whose distance |i − j| is less than a window or a power of two, so that l layers connect blocks up to 2^l apart. About window + log₂
 * n of n blocks are kept on either side. Every step is block-sparse.
 *
 * @param window blocks of the window on either side, the query block itself included, ≥ 1
 * @param blockSize B, positions per block, ≥ 1
 */
public record PowerStrided(int window, int blockSize) implements AttentionPolicy {

    /** Checks the ranges. */
    public PowerStrided {
        if (window < 1) {
            throw new IllegalArgumentException("window = " + window + ": must be at least 1");
        }
        BlockBudget.checkBlockSize(blockSize);
    }

    @Override
    public AttentionPlan plan(GenerationShape shape) {
        return FixedPatterns.plan(this, shape, shape.blocks(blockSize), (head, query, key) -> {
            int distance = Math.abs(query - key);
            return distance < window || Integer.bitCount(distance) == 1;
        });
    }
}
