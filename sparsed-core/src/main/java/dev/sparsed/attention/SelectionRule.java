package dev.sparsed.attention;

/**
 * SparseD's isolated selection (arXiv 2509.24014, §3.1), per query head and query block. With A the softmax over all keys, the importance
 * of key block j is the sum of A over the query block's rows and j's columns, over B². Of all blocks, the {@link #promptBudget() k₁} most
 * important are taken and those at or after the first generation block dropped. With A′ the softmax over the generation keys alone, the
 * {@link #generationBudget() k₂} most important generation blocks are taken. The pattern is the union; ties go to the lower block.
 *
 * @param layout the canvas and its blocks
 * @param select ρ, the share of blocks to keep, 0 … 1
 */
public record SelectionRule(BlockLayout layout, double select) {

    /** Checks the range. */
    public SelectionRule {
        if (!(select >= 0 && select <= 1)) {
            throw new IllegalArgumentException("select = " + select + ": must be 0 ... 1");
        }
    }

    /** {@return k₁ = min(n, ⌊n·ρ⌋ + 1): how many of all blocks are taken before those of the generation are dropped} */
    public int promptBudget() {
        return budget(layout.blocks());
    }

    /** {@return k₂ = min(n_g, ⌊n_g·ρ⌋ + 1): how many generation blocks are taken} */
    public int generationBudget() {
        return budget(layout.generationBlocks());
    }

    private int budget(int blocks) {
        return Math.min(blocks, (int) Math.floor(blocks * select) + 1);
    }
}
