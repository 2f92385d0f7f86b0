package dev.sparsed.internal.amx;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.attention.SelectionRule;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The selection of key blocks ({@link SelectionRule}) out of what the attention before it summed by block, one query block after the other,
 * with the memory of one thread.
 */
final class AmxSelection {

    private final AttentionKernels kernels;
    private MemorySegment sums = MemorySegment.NULL;
    private double[] overall = {};
    private double[] isolated = {};
    private double[] sorted = {};

    AmxSelection(AttentionKernels kernels) {
        this.kernels = kernels;
    }

    /** {@return memory for the sums of a tile of queries} */
    MemorySegment sums(BlockLayout layout) {
        sums = Tiles.atLeast(sums, AttentionKernels.sumsBytes(layout.blocks()));
        return sums;
    }

    /** Begins a query block. */
    void begin(BlockLayout layout) {
        if (overall.length < layout.blocks()) {
            overall = new double[layout.blocks()];
            isolated = new double[layout.blocks()];
            sorted = new double[layout.blocks()];
        }
        Arrays.fill(overall, 0, layout.blocks(), 0);
        Arrays.fill(isolated, 0, layout.generationBlocks(), 0);
    }

    /**
     * Adds what some queries of the block give to the key blocks.
     *
     * @param layout of the keys
     * @param scratch of the tile the queries are in, after attention with {@link #sums}
     * @param headDim D
     * @param from first query in the tile
     * @param to end of the queries
     */
    void add(BlockLayout layout, MemorySegment scratch, int headDim, int from, int to) {
        kernels.importance(
                sums, layout.blocks(), layout.firstGenerationBlock(), scratch, headDim, from, to, overall, isolated);
    }

    /**
     * Ends the query block.
     *
     * @param rule what to keep
     * @param head query head
     * @param queryBlock the query block
     * @param pattern receives the blocks
     */
    void keep(SelectionRule rule, int head, int queryBlock, BlockPattern.Builder pattern) {
        BlockLayout layout = rule.layout();
        int first = layout.firstGenerationBlock();
        keep(overall, layout.blocks(), rule, first, head, queryBlock, 0, pattern);
        keep(isolated, layout.generationBlocks(), rule, layout.generationBlocks(), head, queryBlock, first, pattern);
    }

    /** Of the most important blocks, as many as the rule says, ties to the lower one, keeps those below {@code end}. */
    private void keep(
            double[] importance,
            int blocks,
            SelectionRule rule,
            int end,
            int head,
            int queryBlock,
            int first,
            BlockPattern.Builder pattern) {
        for (int block = 0; block < blocks; block++) {
            importance[block] =
                    Double.isNaN(importance[block]) ? 0 : importance[block]; // of scores that are no numbers
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
