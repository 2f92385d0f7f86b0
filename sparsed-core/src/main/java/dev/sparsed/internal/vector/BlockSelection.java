package dev.sparsed.internal.vector;

import static dev.sparsed.internal.vector.PanelList.LANES;
import static dev.sparsed.internal.vector.QueryTiles.LOG2_E;
import static dev.sparsed.internal.vector.ScoreTile.KEY_TILE;
import static dev.sparsed.internal.vector.ScoreTile.QUERY_TILE;
import static dev.sparsed.internal.vector.ScoreTile.TILE_PANELS;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.attention.SelectionRule;
import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.spi.HeadLayout;
import java.util.Arrays;

/**
 * The selection of one head's blocks ({@link SelectionRule}), a few query blocks at a time, with the scratch memory of
 * one thread. One pass over the scores of the blocks' rows, in tiles: {@link ColumnSums} takes the prompt keys,
 * {@link GenerationSums} those of the generation.
 */
final class BlockSelection {

    /** Most query blocks that share a tile of queries, and with it every load of a key. */
    private static final int MOST_BLOCKS = 4;

    private final float[] scores = new float[QUERY_TILE * KEY_TILE];

    /** To base 2, as the scores. */
    private final float[] logSumExp = new float[QUERY_TILE];

    private final ColumnSums promptSums = new ColumnSums();
    private final GenerationSums generationSums = new GenerationSums();
    private float[] queries = new float[0];

    /** {@code [query blocks][blocks]}. */
    private final double[][] overAll = new double[MOST_BLOCKS][0];

    private final double[][] overGeneration = new double[MOST_BLOCKS][0];
    private double[] sorted = new double[0];

    /**
     * {@return how many query blocks are selected at a time} No two of them share a vector of folded sums.
     *
     * @param blockSize B
     */
    static int queryBlocks(int blockSize) {
        return blockSize % RowFold.GROUP != 0 ? 1 : Math.clamp(QUERY_TILE / blockSize, 1, MOST_BLOCKS);
    }

    /**
     * Selects the key blocks of some query blocks.
     *
     * @param q {@code [N, queryHeads × headDim]}
     * @param lse {@code [N, queryHeads]}: the log-sum-exp of every row and head
     * @param head query head
     * @param heads head layout
     * @param packed the keys of the head
     * @param rule what to keep
     * @param firstBlock first query block
     * @param endBlock end of the query blocks, at most {@link #queryBlocks} later
     * @param prompt the keys before the first generation block, padded to pairs
     * @param generation the keys from the first generation block on, padded to pairs
     * @param pattern receives the blocks
     */
    void select(
            Matrix q,
            Matrix lse,
            int head,
            HeadLayout heads,
            KeyValuePanels packed,
            SelectionRule rule,
            int firstBlock,
            int endBlock,
            PanelList prompt,
            PanelList generation,
            BlockPattern.Builder pattern) {
        BlockLayout layout = rule.layout();
        int headDim = heads.headDim();
        int dim = ScoreTile.evenDim(headDim);
        begin(layout, dim, endBlock - firstBlock);
        int end = layout.end(endBlock - 1);
        int keys = packed.keys(head / heads.group());
        for (int firstRow = layout.start(firstBlock); firstRow < end; firstRow += QUERY_TILE) {
            int rows = Math.min(QUERY_TILE, end - firstRow);
            QueryTiles.pack(q, firstRow, rows, head * headDim, headDim, queries);
            for (int row = 0; row < rows; row++) {
                logSumExp[row] = (float) (LOG2_E * lse.data()[lse.row(firstRow + row) + head]);
            }
            int blockRows = endBlock - firstBlock > 1 ? layout.blockSize() : rows;
            addPrompt(rows, blockRows, packed.keys(), keys, dim, prompt, layout);
            addGeneration(rows, blockRows, packed.keys(), keys, dim, generation, layout);
        }
        for (int block = firstBlock; block < endBlock; block++) {
            keep(rule, block - firstBlock, head, block, pattern);
        }
    }

    /** Keeps the most important blocks of the query block at an index of the sums. */
    private void keep(SelectionRule rule, int index, int head, int queryBlock, BlockPattern.Builder pattern) {
        BlockLayout layout = rule.layout();
        int first = layout.firstGenerationBlock();
        double[] all = overAll[index];
        double[] generation = overGeneration[index];
        for (int block = 0; block < first; block++) {
            all[block] = promptSums.sum(index, block);
        }
        sort(all, layout.blocks());
        int budget = rule.budget(sorted, layout.blocks());
        double least = sorted[layout.blocks() - budget];
        int ties = budget - countAbove(all, layout.blocks(), least);
        for (int block = 0; block < first; block++) {
            if (all[block] > least || all[block] == least && ties-- > 0) {
                pattern.keep(head, queryBlock, block);
            }
        }
        sort(generation, layout.generationBlocks());
        budget = rule.budget(sorted, layout.generationBlocks());
        least = sorted[layout.generationBlocks() - budget];
        ties = budget - countAbove(generation, layout.generationBlocks(), least);
        for (int block = 0; block < layout.generationBlocks(); block++) {
            if (generation[block] > least || generation[block] == least && ties-- > 0) {
                pattern.keep(head, queryBlock, first + block);
            }
        }
    }

    private void begin(BlockLayout layout, int dim, int queryBlocks) {
        int blocks = layout.blocks();
        if (queries.length < QUERY_TILE * dim) {
            queries = new float[QUERY_TILE * dim];
        }
        promptSums.begin(queryBlocks, blocks);
        sorted = sorted.length < blocks ? new double[blocks] : sorted;
        for (int i = 0; i < queryBlocks; i++) {
            if (overAll[i].length < blocks) {
                overAll[i] = new double[blocks];
                overGeneration[i] = new double[blocks];
            }
            Arrays.fill(overAll[i], 0, blocks, 0);
            Arrays.fill(overGeneration[i], 0, blocks, 0);
        }
    }

    private void addPrompt(
            int rows, int blockRows, float[] keys, int headAt, int dim, PanelList list, BlockLayout layout) {
        for (int from = 0; from < list.count(); from += TILE_PANELS) {
            int count = Math.min(TILE_PANELS, list.count() - from);
            ScoreTile.compute(queries, ScoreTile.paddedRows(rows), keys, headAt, dim, list, from, count, scores);
            promptSums.add(scores, rows, blockRows, logSumExp, list, from, count, layout);
        }
    }

    private void addGeneration(
            int rows, int blockRows, float[] keys, int headAt, int dim, PanelList list, BlockLayout layout) {
        generationSums.begin(layout.generationBlocks(), rows, logSumExp);
        sumGeneration(rows, keys, headAt, dim, list, layout);
        if (generationSums.underflow(rows)) {
            for (int from = 0; from < list.count(); from += TILE_PANELS) {
                int count = Math.min(TILE_PANELS, list.count() - from);
                ScoreTile.compute(queries, ScoreTile.paddedRows(rows), keys, headAt, dim, list, from, count, scores);
                generationSums.raise(scores, rows, count * LANES, logSumExp);
            }
            generationSums.clear(rows);
            sumGeneration(rows, keys, headAt, dim, list, layout);
        }
        for (int row = 0, index = 0; row < rows; row += blockRows, index++) {
            int end = Math.min(rows, row + blockRows);
            generationSums.addImportance(
                    logSumExp, row, end, overAll[index], layout.firstGenerationBlock(), overGeneration[index]);
        }
    }

    private void sumGeneration(int rows, float[] keys, int headAt, int dim, PanelList list, BlockLayout layout) {
        int first = layout.firstGenerationBlock();
        for (int from = 0; from < list.count(); from += TILE_PANELS) {
            int count = Math.min(TILE_PANELS, list.count() - from);
            ScoreTile.compute(queries, ScoreTile.paddedRows(rows), keys, headAt, dim, list, from, count, scores);
            for (int i = 0; i < count; ) {
                int panel = list.panels()[from + i];
                int block = PanelList.firstBlock(panel, layout);
                int whole = list.wholePanels(from + i, count - i, layout);
                if (whole > 0) {
                    generationSums.add(scores, i * LANES, (i + whole) * LANES, rows, block - first);
                    i += whole;
                    continue;
                }
                for (int b = Math.max(block, first); b <= PanelList.lastBlock(panel, layout); b++) {
                    long bits = PanelList.bits(panel, layout.start(b), layout.end(b)) & list.bits(from + i);
                    generationSums.addMasked(scores, i * LANES, rows, bits, b - first);
                }
                i++;
            }
        }
    }

    /** Sorts a copy, ascending. NaN, from scores that are no numbers, becomes 0. */
    private void sort(double[] importance, int blocks) {
        for (int block = 0; block < blocks; block++) {
            importance[block] = Double.isNaN(importance[block]) ? 0 : importance[block];
            sorted[block] = importance[block];
        }
        Arrays.sort(sorted, 0, blocks);
    }

    private static int countAbove(double[] importance, int blocks, double least) {
        int count = 0;
        for (int block = 0; block < blocks; block++) {
            count += importance[block] > least ? 1 : 0;
        }
        return count;
    }
}
