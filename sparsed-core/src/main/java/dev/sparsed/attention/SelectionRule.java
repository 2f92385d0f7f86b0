package dev.sparsed.attention;

/**
 * How many of a query block's key blocks are kept, the most important ones. Selection is isolated (SparseD, arXiv 2509.24014, §3.1), per query
 * head and query block. With A the softmax over all keys, the importance of key block j is the sum of A over the query block's rows and j's
 * columns, over B². Of all blocks the most important are taken, and those at or after the first generation block dropped. With A′ the softmax
 * over the generation keys alone, the most important generation blocks are taken. The pattern is the union; ties go to the lower block.
 */
public sealed interface SelectionRule permits RatioRule, CoverageRule {

    /** {@return the canvas and its blocks} */
    BlockLayout layout();

    /**
     * {@return the fewest blocks taken of some, 1 … count}
     *
     * @param count how many blocks there are, ≥ 1
     */
    int least(int count);

    /**
     * {@return the most blocks taken of some, least … count}
     *
     * @param count how many blocks there are, ≥ 1
     */
    int most(int count);

    /**
     * {@return how many of some blocks are taken, least … most}
     *
     * @param ascending the importance of the blocks, from the least to the most important; whatever lies behind them does not matter
     * @param count how many blocks there are, ≥ 1
     */
    int budget(double[] ascending, int count);
}
