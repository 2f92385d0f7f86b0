package dev.sparsed.internal.vector;

import static dev.sparsed.internal.vector.ScoreTile.QUERY_TILE;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.attention.SelectionRule;
import dev.sparsed.internal.cpu.BlockChoice;
import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.spi.HeadLayout;
import java.util.Arrays;

/**
 * Dense attention of one head that also selects ({@link SelectionRule}), a few query blocks at a time, with the scratch
 * memory of one thread. The selection has no scores of its own: it adds up what {@link FlashAttention} exponentiates.
 */
final class BlockSelection {

    private final BlockSums sums = new BlockSums();
    private final BlockChoice choice = new BlockChoice();

    /** {@code [query blocks][blocks]}. */
    private final double[][] overAll = new double[QUERY_TILE / RowFold.GROUP][0];

    private final double[][] overGeneration = new double[QUERY_TILE / RowFold.GROUP][0];

    /**
     * {@return how many query blocks share a tile of queries} No two of them share a vector of folded sums.
     *
     * @param blockSize B
     */
    static int queryBlocks(int blockSize) {
        return blockSize % RowFold.GROUP != 0 ? 1 : Math.max(QUERY_TILE / blockSize, 1);
    }

    /**
     * Attention of some query blocks, and the selection of their key blocks.
     *
     * @param flash attends
     * @param q {@code [N, queryHeads × headDim]}
     * @param head query head
     * @param heads head layout
     * @param packed the keys and values of the head
     * @param rule what to keep
     * @param firstBlock first query block
     * @param endBlock end of the query blocks, at most {@link #queryBlocks} later
     * @param prompt the keys before the first generation block, padded to pairs
     * @param generation the keys from the first generation block on, padded to pairs
     * @param out {@code [N, queryHeads × headDim]}
     * @param logSumExp {@code [N, queryHeads]}
     * @param pattern receives the blocks
     */
    void attend(
            FlashAttention flash,
            Matrix q,
            int head,
            HeadLayout heads,
            KeyValuePanels packed,
            SelectionRule rule,
            int firstBlock,
            int endBlock,
            PanelList prompt,
            PanelList generation,
            Matrix out,
            Matrix logSumExp,
            BlockPattern.Builder pattern) {
        BlockLayout layout = rule.layout();
        for (int block = firstBlock; block < endBlock; block++) {
            clear(block - firstBlock, layout.blocks());
        }
        int end = layout.end(endBlock - 1);
        for (int row = layout.start(firstBlock); row < end; row += QUERY_TILE) {
            int rows = Math.min(QUERY_TILE, end - row);
            sums.begin(layout, rows);
            flash.begin(q, row, rows, head, heads, packed);
            flash.add(generation, sums);
            sums.endGeneration(flash.shift(), flash.sums());
            flash.add(prompt, sums);
            flash.end(out, logSumExp);
            int blockRows = endBlock - firstBlock > 1 ? layout.blockSize() : rows;
            for (int from = 0, index = 0; from < rows; from += blockRows, index++) {
                int to = Math.min(rows, from + blockRows);
                sums.addImportance(flash.shift(), flash.sums(), from, to, overAll[index], overGeneration[index]);
            }
        }
        for (int block = firstBlock; block < endBlock; block++) {
            int index = block - firstBlock;
            choice.keep(rule, head, block, overAll[index], overGeneration[index], pattern);
        }
    }

    private void clear(int index, int blocks) {
        if (overAll[index].length < blocks) {
            overAll[index] = new double[blocks];
            overGeneration[index] = new double[blocks];
        }
        Arrays.fill(overAll[index], 0, blocks, 0);
        Arrays.fill(overGeneration[index], 0, blocks, 0);
    }
}
