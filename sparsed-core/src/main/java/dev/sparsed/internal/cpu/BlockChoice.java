package dev.sparsed.internal.cpu;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.attention.SelectionRule;
import java.util.Arrays;

/** Which key blocks a query block keeps, given their importance ({@link SelectionRule}); with the scratch memory of one thread. */
public final class BlockChoice {

    private double[] sorted = new double[0];

    /** Has no memory yet. */
    public BlockChoice() {}

    /**
     * Keeps the most important blocks of a query block.
     *
     * @param rule what to keep
     * @param head query head
     * @param queryBlock query block
     * @param overAll importance of all blocks, over all keys; NaN, from scores that are no numbers, becomes 0
     * @param overGeneration importance of the generation blocks, from the first on, over their keys; likewise
     * @param pattern receives the blocks
     */
    public void keep(
            SelectionRule rule,
            int head,
            int queryBlock,
            double[] overAll,
            double[] overGeneration,
            BlockPattern.Builder pattern) {
        BlockLayout layout = rule.layout();
        int first = layout.firstGenerationBlock();
        int count = layout.generationBlocks();
        keep(rule, overAll, layout.blocks(), first, head, queryBlock, 0, pattern);
        keep(rule, overGeneration, count, count, head, queryBlock, first, pattern);
    }

    /** Of the most important blocks, as many as the rule says, ties to the lower one, keeps those below {@code end}. */
    private void keep(
            SelectionRule rule,
            double[] importance,
            int blocks,
            int end,
            int head,
            int queryBlock,
            int first,
            BlockPattern.Builder pattern) {
        sorted = sorted.length < blocks ? new double[blocks] : sorted;
        for (int block = 0; block < blocks; block++) {
            importance[block] = Double.isNaN(importance[block]) ? 0 : importance[block];
            sorted[block] = importance[block];
        }
        Arrays.sort(sorted, 0, blocks);
        int budget = rule.budget(sorted, blocks);
        double least = sorted[blocks - budget];
        int ties = budget;
        for (int block = 0; block < blocks; block++) {
            ties -= importance[block] > least ? 1 : 0;
        }
        for (int block = 0; block < end; block++) {
            if (importance[block] > least || importance[block] == least && ties-- > 0) {
                pattern.keep(head, queryBlock, first + block);
            }
        }
    }
}
