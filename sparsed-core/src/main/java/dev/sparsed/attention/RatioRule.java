package dev.sparsed.attention;

/**
 * SparseD's budget (arXiv 2509.24014, §3.1): a fixed share of the blocks, for every head and query block alike.
 *
 * @param layout the canvas and its blocks
 * @param select ρ, the share of blocks to keep, 0 … 1
 */
public record RatioRule(BlockLayout layout, double select) implements SelectionRule {

    /** Checks the range. */
    public RatioRule {
        BlockBudget.checkShare("select", select);
    }

    /** {@return k₁ = min(n, ⌊n·ρ⌋ + 1): how many of all blocks are taken before those of the generation are dropped} */
    public int promptBudget() {
        return BlockBudget.of(select, layout.blocks());
    }

    /** {@return k₂ = min(n_g, ⌊n_g·ρ⌋ + 1): how many generation blocks are taken} */
    public int generationBudget() {
        return BlockBudget.of(select, layout.generationBlocks());
    }

    @Override
    public int least(int count) {
        return BlockBudget.of(select, count);
    }

    @Override
    public int most(int count) {
        return least(count);
    }

    @Override
    public int budget(double[] ascending, int count) {
        return least(count);
    }
}
