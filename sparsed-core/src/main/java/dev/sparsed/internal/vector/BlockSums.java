package dev.sparsed.internal.vector;

import static dev.sparsed.internal.vector.PanelList.LANES;
import static dev.sparsed.internal.vector.ScoreTile.KEY_TILE;
import static dev.sparsed.internal.vector.ScoreTile.QUERY_TILE;

import dev.sparsed.attention.BlockLayout;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/**
 * What a query tile's {@link FlashAttention} leaves to a selection: for every row r and key block j the sum {@code u[r][j]
 * = Σ 2^(s − m)}, with the shift m of the row. With l the sum over all keys, {@code u / l} is the share of the block in
 * the row's softmax.
 *
 * <p>The generation's keys come first. Their sums stay as they are, with m and l of that moment, when the prompt's keys
 * raise the shift: so they share the row's softmax over the generation alone as exactly, also where the prompt has nearly
 * all of its weight and {@code 2^(s − m)} with the final m would underflow. Memory: 64 rows × n blocks × 4 floats at most.
 */
final class BlockSums {

    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;

    /** Floats of the folded sums of all rows. */
    private static final int FOLDED = RowFold.floats(QUERY_TILE);

    /** {@code [blocks][FOLDED]}: sums of each block and row, folded ({@link RowFold}). */
    private float[] sums = new float[0];

    /** Those of a panel's keys that lie in one block, {@code [QUERY_TILE][LANES]}. */
    private final float[] inBlock = new float[QUERY_TILE * LANES];

    private final float[] generationShift = new float[QUERY_TILE];
    private final double[] generationSum = new double[QUERY_TILE];
    private final float[] overAllWeight = new float[FOLDED];
    private final float[] overGenerationWeight = new float[FOLDED];
    private final float[] lanes = new float[LANES];
    private BlockLayout layout = new BlockLayout(1, 1, 1);
    private int rows;

    /** The blocks whose sums have the shift of the moment. */
    private int from;

    private int to;

    /**
     * Begins a query tile; the generation's keys follow.
     *
     * @param layout the key blocks
     * @param rows query rows
     */
    void begin(BlockLayout layout, int rows) {
        this.layout = layout;
        this.rows = rows;
        from = layout.firstGenerationBlock();
        to = layout.blocks();
        int size = Math.multiplyExact(layout.blocks(), FOLDED);
        sums = sums.length < size ? new float[size] : sums;
        int used = RowFold.floats(rows);
        for (int block = 0; block < to; block++) {
            Arrays.fill(sums, block * FOLDED, block * FOLDED + used, 0);
        }
    }

    /**
     * Adds a tile of {@code 2^(s − m)}.
     *
     * @param weights {@code [QUERY_TILE][KEY_TILE]}
     * @param list which keys
     * @param first first panel of the tile in the list
     * @param count panels of the tile
     */
    void add(float[] weights, PanelList list, int first, int count) {
        int padded = ScoreTile.paddedRows(rows);
        for (int row = rows; row < padded; row++) { // no number that could spread to the rows it shares a vector with
            Arrays.fill(weights, row * KEY_TILE, row * KEY_TILE + count * LANES, 0);
        }
        for (int i = 0; i < count; ) {
            int whole = list.wholePanels(first + i, count - i, layout);
            int panel = list.panels()[first + i];
            if (whole > 0) {
                int at = PanelList.firstBlock(panel, layout) * FOLDED;
                RowFold.add(weights, KEY_TILE, i * LANES, (i + whole) * LANES, padded, sums, at);
                i += whole;
            } else {
                addPart(weights, i * LANES, panel, list.bits(first + i), padded);
                i++;
            }
        }
    }

    /** A panel whose keys lie in several blocks, or do not all count. */
    private void addPart(float[] weights, int column, int panel, long counting, int padded) {
        int last = PanelList.lastBlock(panel, layout);
        for (int block = PanelList.firstBlock(panel, layout); block <= last; block++) {
            long bits = PanelList.bits(panel, layout.start(block), layout.end(block)) & counting;
            if (bits != 0) {
                copy(weights, column, padded, bits, inBlock);
                RowFold.add(inBlock, LANES, 0, LANES, padded, sums, block * FOLDED);
            }
        }
    }

    private static void copy(float[] weights, int column, int rows, long bits, float[] inBlock) {
        VectorMask<Float> counts = VectorMask.fromLong(SPECIES, bits);
        FloatVector zero = FloatVector.zero(SPECIES);
        for (int row = 0; row < rows; row++) {
            zero.blend(FloatVector.fromArray(SPECIES, weights, row * KEY_TILE + column), counts)
                    .intoArray(inBlock, row * LANES);
        }
    }

    /**
     * Takes note that the shift of a row rises.
     *
     * @param row the row
     * @param factor {@code 2^(m − m')}
     */
    void rescale(int row, float factor) {
        int lane = RowFold.at(row);
        for (int block = from; block < to; block++) {
            for (int i = block * FOLDED + lane; i < block * FOLDED + lane + RowFold.LANES_PER_ROW; i++) {
                sums[i] *= factor;
            }
        }
    }

    /**
     * Ends the generation's keys; the prompt's follow.
     *
     * @param shift m of every row
     * @param rowSums {@code [QUERY_TILE][LANES]}: l of every row, in lanes
     */
    void endGeneration(float[] shift, float[] rowSums) {
        for (int row = 0; row < rows; row++) {
            generationShift[row] = shift[row];
            generationSum[row] = TileSoftmax.sum(rowSums, row * LANES);
        }
        to = from;
        from = 0;
    }

    /**
     * Adds some rows to both importances, after the last key.
     *
     * @param shift m of every row
     * @param rowSums {@code [QUERY_TILE][LANES]}: l of every row, in lanes
     * @param firstRow first row; it shares a folded vector with no row that is not added
     * @param endRow end of the rows, exclusive; likewise
     * @param overAll importance over all keys
     * @param overGeneration importance over the generation keys, from the first generation block on
     */
    void addImportance(
            float[] shift, float[] rowSums, int firstRow, int endRow, double[] overAll, double[] overGeneration) {
        int begin = RowFold.group(firstRow);
        int end = RowFold.floats(endRow);
        Arrays.fill(overAllWeight, begin, end, 0); // those beyond the last row stay zero
        Arrays.fill(overGenerationWeight, begin, end, 0);
        for (int row = firstRow; row < endRow; row++) {
            weigh(overAllWeight, row, 1 / TileSoftmax.sum(rowSums, row * LANES));
            weigh(overGenerationWeight, row, 1 / generationSum[row]);
        }
        int first = layout.firstGenerationBlock();
        for (int block = 0; block < first; block++) {
            overAll[block] += sum(block, overAllWeight, begin, end);
        }
        for (int row = firstRow; row < endRow; row++) {
            double sum = TileSoftmax.sum(rowSums, row * LANES);
            weigh(overAllWeight, row, Math.pow(2, (double) generationShift[row] - shift[row]) / sum);
        }
        for (int block = first; block < layout.blocks(); block++) {
            overAll[block] += sum(block, overAllWeight, begin, end);
            overGeneration[block - first] += sum(block, overGenerationWeight, begin, end);
        }
    }

    private static void weigh(float[] weights, int row, double weight) {
        int lane = RowFold.at(row);
        Arrays.fill(weights, lane, lane + RowFold.LANES_PER_ROW, (float) weight);
    }

    /** Σ of a block's sums times the weights of their rows. */
    private double sum(int block, float[] weights, int begin, int end) {
        dot(sums, block * FOLDED, weights, begin, end, lanes);
        return TileSoftmax.sum(lanes, 0);
    }

    private static void dot(float[] sums, int at, float[] weights, int begin, int end, float[] lanes) {
        FloatVector dot = FloatVector.zero(SPECIES);
        for (int i = begin; i < end; i += LANES) {
            dot = FloatVector.fromArray(SPECIES, sums, at + i).fma(FloatVector.fromArray(SPECIES, weights, i), dot);
        }
        dot.intoArray(lanes, 0);
    }
}
