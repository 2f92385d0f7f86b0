package dev.sparsed.internal.vector;

import static dev.sparsed.internal.vector.PanelList.LANES;
import static dev.sparsed.internal.vector.ScoreTile.KEY_TILE;
import static dev.sparsed.internal.vector.ScoreTile.QUERY_TILE;
import static dev.sparsed.internal.vector.ScoreTile.TILE_PANELS;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.attention.SelectionRule;
import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.spi.HeadLayout;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/**
 * The selection of one head's blocks ({@link SelectionRule}), one query block at a time, with the scratch memory of one
 * thread. One pass over the scores of the block's rows, in tiles: the columns of {@code e^(s − lse)} are summed over
 * the rows for prompt keys, and {@link GenerationSums} takes the generation keys. Sums of up to 64 rows in one vector
 * lane are float32; a prompt block with less than 1e-38 of every row's weight counts as zero.
 */
final class BlockSelection {

    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;

    private final float[] scores = new float[QUERY_TILE * KEY_TILE];
    private final float[] columns = new float[KEY_TILE];
    private final float[] logSumExp = new float[QUERY_TILE];
    private final float[] rowSums = new float[QUERY_TILE * LANES]; // not used: the log-sum-exp is known
    private final GenerationSums generationSums = new GenerationSums();
    private float[] queries = new float[0];

    /** {@code [blocks][LANES]}: the sums of the prompt blocks. */
    private float[] promptSums = new float[0];

    private double[] overAll = new double[0];
    private double[] overGeneration = new double[0];
    private double[] sorted = new double[0];

    /**
     * Selects the key blocks of one query block.
     *
     * @param q {@code [N, queryHeads × headDim]}
     * @param lse {@code [N, queryHeads]}: the log-sum-exp of every row and head
     * @param head query head
     * @param heads head layout
     * @param packed the keys of the head
     * @param rule what to keep
     * @param queryBlock query block
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
            int queryBlock,
            PanelList prompt,
            PanelList generation,
            BlockPattern.Builder pattern) {
        BlockLayout layout = rule.layout();
        int first = layout.firstGenerationBlock();
        int headDim = heads.headDim();
        int dim = ScoreTile.evenDim(headDim);
        begin(layout, dim);
        int end = layout.end(queryBlock);
        int keys = packed.keys(head / heads.group());
        for (int firstRow = layout.start(queryBlock); firstRow < end; firstRow += QUERY_TILE) {
            int rows = Math.min(QUERY_TILE, end - firstRow);
            QueryTiles.pack(q, firstRow, rows, head * headDim, headDim, queries);
            for (int row = 0; row < rows; row++) {
                logSumExp[row] = lse.data()[lse.row(firstRow + row) + head];
            }
            addPrompt(rows, packed.keys(), keys, dim, prompt, layout);
            addGeneration(rows, packed.keys(), keys, dim, generation, layout);
        }
        for (int block = 0; block < first; block++) {
            overAll[block] = TileSoftmax.sum(promptSums, block * LANES);
        }
        double least = least(overAll, layout.blocks(), rule.promptBudget());
        int ties = rule.promptBudget() - countAbove(overAll, layout.blocks(), least);
        for (int block = 0; block < first; block++) {
            if (overAll[block] > least || overAll[block] == least && ties-- > 0) {
                pattern.keep(head, queryBlock, block);
            }
        }
        least = least(overGeneration, layout.generationBlocks(), rule.generationBudget());
        ties = rule.generationBudget() - countAbove(overGeneration, layout.generationBlocks(), least);
        for (int block = 0; block < layout.generationBlocks(); block++) {
            if (overGeneration[block] > least || overGeneration[block] == least && ties-- > 0) {
                pattern.keep(head, queryBlock, first + block);
            }
        }
    }

    private void begin(BlockLayout layout, int dim) {
        int blocks = layout.blocks();
        if (queries.length < QUERY_TILE * dim) {
            queries = new float[QUERY_TILE * dim];
        }
        if (overAll.length < blocks) {
            overAll = new double[blocks];
            overGeneration = new double[blocks];
            sorted = new double[blocks];
            promptSums = new float[Math.multiplyExact(blocks, LANES)];
        }
        Arrays.fill(overAll, 0, blocks, 0);
        Arrays.fill(overGeneration, 0, blocks, 0);
        Arrays.fill(promptSums, 0, blocks * LANES, 0);
    }

    private void addPrompt(int rows, float[] keys, int headAt, int dim, PanelList list, BlockLayout layout) {
        for (int from = 0; from < list.count(); from += TILE_PANELS) {
            int count = Math.min(TILE_PANELS, list.count() - from);
            ScoreTile.compute(queries, ScoreTile.paddedRows(rows), keys, headAt, dim, list, from, count, scores);
            TileSoftmax.exponentiate(scores, rows, count * LANES, logSumExp, rowSums);
            for (int i = 0; i < count; i += 2) {
                sumColumns(scores, i * LANES, rows, columns);
            }
            for (int i = 0; i < count; i++) {
                int panel = list.panels()[from + i];
                for (int block = firstBlock(panel, layout); block <= lastBlock(panel, layout); block++) {
                    long bits = PanelList.bits(panel, layout.start(block), layout.end(block)) & list.bits(from + i);
                    addColumns(columns, i * LANES, bits, promptSums, block * LANES);
                }
            }
        }
    }

    private void addGeneration(int rows, float[] keys, int headAt, int dim, PanelList list, BlockLayout layout) {
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
        generationSums.addImportance(logSumExp, rows, overAll, layout.firstGenerationBlock(), overGeneration);
    }

    private void sumGeneration(int rows, float[] keys, int headAt, int dim, PanelList list, BlockLayout layout) {
        int first = layout.firstGenerationBlock();
        for (int from = 0; from < list.count(); from += TILE_PANELS) {
            int count = Math.min(TILE_PANELS, list.count() - from);
            ScoreTile.compute(queries, ScoreTile.paddedRows(rows), keys, headAt, dim, list, from, count, scores);
            generationSums.exponentiate(scores, rows, count * LANES);
            for (int i = 0; i < count; ) {
                int panel = list.panels()[from + i];
                int block = firstBlock(panel, layout);
                int whole = wholePanels(list, from + i, count - i, block, layout);
                if (whole > 0) {
                    generationSums.add(scores, i * LANES, (i + whole) * LANES, rows, block - first);
                    i += whole;
                    continue;
                }
                for (int b = Math.max(block, first); b <= lastBlock(panel, layout); b++) {
                    long bits = PanelList.bits(panel, layout.start(b), layout.end(b)) & list.bits(from + i);
                    generationSums.addMasked(scores, i * LANES, rows, bits, b - first);
                }
                i++;
            }
        }
    }

    /** How many panels from an index of the list on, at most {@code most}, lie in one block with all their keys. */
    private static int wholePanels(PanelList list, int index, int most, int block, BlockLayout layout) {
        int whole = 0;
        while (whole < most
                && list.bits(index + whole) == PanelList.ALL
                && firstBlock(list.panels()[index + whole], layout) == block
                && lastBlock(list.panels()[index + whole], layout) == block) {
            whole++;
        }
        return whole;
    }

    private static int firstBlock(int panel, BlockLayout layout) {
        return panel * LANES / layout.blockSize();
    }

    private static int lastBlock(int panel, BlockLayout layout) {
        return (Math.min(panel * LANES + LANES, layout.canvasLength()) - 1) / layout.blockSize();
    }

    /** The columns of two panels, summed over the rows: the even ones, the odd ones, and then both. */
    private static void sumColumns(float[] exponentials, int column, int rows, float[] columns) {
        FloatVector even0 = FloatVector.zero(SPECIES);
        FloatVector even1 = even0;
        FloatVector odd0 = even0;
        FloatVector odd1 = even0;
        int at = column;
        for (int row = 0; row + 2 <= rows; row += 2, at += 2 * KEY_TILE) {
            even0 = even0.add(FloatVector.fromArray(SPECIES, exponentials, at));
            even1 = even1.add(FloatVector.fromArray(SPECIES, exponentials, at + LANES));
            odd0 = odd0.add(FloatVector.fromArray(SPECIES, exponentials, at + KEY_TILE));
            odd1 = odd1.add(FloatVector.fromArray(SPECIES, exponentials, at + KEY_TILE + LANES));
        }
        if (rows % 2 != 0) {
            even0 = even0.add(FloatVector.fromArray(SPECIES, exponentials, at));
            even1 = even1.add(FloatVector.fromArray(SPECIES, exponentials, at + LANES));
        }
        even0.add(odd0).intoArray(columns, column);
        even1.add(odd1).intoArray(columns, column + LANES);
    }

    private static void addColumns(float[] columns, int column, long bits, float[] sums, int to) {
        VectorMask<Float> inBlock = VectorMask.fromLong(SPECIES, bits);
        FloatVector.fromArray(SPECIES, sums, to)
                .add(FloatVector.fromArray(SPECIES, columns, column), inBlock)
                .intoArray(sums, to);
    }

    /** {@return the {@code budget}-th largest importance} NaN, from scores that are no numbers, becomes 0. */
    private double least(double[] importance, int blocks, int budget) {
        for (int block = 0; block < blocks; block++) {
            importance[block] = Double.isNaN(importance[block]) ? 0 : importance[block];
            sorted[block] = importance[block];
        }
        Arrays.sort(sorted, 0, blocks);
        return sorted[blocks - budget];
    }

    private static int countAbove(double[] importance, int blocks, double least) {
        int count = 0;
        for (int block = 0; block < blocks; block++) {
            count += importance[block] > least ? 1 : 0;
        }
        return count;
    }
}
