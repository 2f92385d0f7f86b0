package dev.sparsed.internal.amx;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.attention.SelectionRule;
import dev.sparsed.internal.cpu.BlockChoice;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * The selection of key blocks ({@link SelectionRule}) out of what the attention before it summed by block, one query block after the other,
 * with the memory of one thread.
 */
final class AmxSelection {

    private final AttentionKernels kernels;
    private final BlockChoice choice = new BlockChoice();
    private MemorySegment sums = MemorySegment.NULL;
    private double[] overall = {};
    private double[] isolated = {};

    AmxSelection(AttentionKernels kernels) {
        this.kernels = kernels;
    }

    /**
     * {@return memory for the sums of the tiles of a call}
     *
     * @param layout of the keys
     * @param tiles how many
     */
    MemorySegment sums(BlockLayout layout, int tiles) {
        sums = Tiles.atLeast(sums, tiles * AttentionKernels.sumsBytes(layout.blocks()));
        return sums;
    }

    /** Begins a query block. */
    void begin(BlockLayout layout) {
        if (overall.length < layout.blocks()) {
            overall = new double[layout.blocks()];
            isolated = new double[layout.blocks()];
        }
        Arrays.fill(overall, 0, layout.blocks(), 0);
        Arrays.fill(isolated, 0, layout.generationBlocks(), 0);
    }

    /**
     * Adds what some queries of the block give to the key blocks.
     *
     * @param layout of the keys
     * @param tile the tile's number in the call, after attention with {@link #sums}
     * @param side the tile's side of the scratch memory
     * @param headDim D
     * @param from first query in the tile
     * @param to end of the queries
     */
    void add(BlockLayout layout, int tile, MemorySegment side, int headDim, int from, int to) {
        long bytes = AttentionKernels.sumsBytes(layout.blocks());
        kernels.importance(
                sums.asSlice(tile * bytes, bytes),
                layout.blocks(),
                layout.firstGenerationBlock(),
                side,
                headDim,
                from,
                to,
                overall,
                isolated);
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
        choice.keep(rule, head, queryBlock, overall, isolated, pattern);
    }
}
