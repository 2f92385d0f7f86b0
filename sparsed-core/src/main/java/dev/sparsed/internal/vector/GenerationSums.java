package dev.sparsed.internal.vector;

import static dev.sparsed.internal.vector.PanelList.LANES;
import static dev.sparsed.internal.vector.ScoreTile.KEY_TILE;
import static dev.sparsed.internal.vector.ScoreTile.QUERY_TILE;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/**
 * Sums of a query tile's generation softmax by row and block. Where the prompt has nearly all of a row's weight,
 * {@code e^(s − lse)} of the generation keys underflows; so their sums are those of {@code e^(s − shift)}, with a shift
 * of {@code lse − 64} for most rows, and of the row's largest generation score where even that leaves too little. At
 * the end a row's sum over block j enters the importance over all keys with the weight {@code e^(shift − lse)}, and the
 * one over the generation keys divided by the row's sum over all generation blocks.
 */
final class GenerationSums {

    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;

    /** No score exceeds the row's log-sum-exp, so no sum e^64 = 6·10²⁷. */
    private static final float HEADROOM = 64;

    /**
     * Least sum of a row that does without its maximum: terms that {@link VectorExp} gives as 0, below 2⁻¹²⁶, are then
     * less than 10⁻¹⁹ of it.
     */
    private static final double LEAST_SUM = 0x1p-62;

    private final float[] shift = new float[QUERY_TILE];

    /** {@code [QUERY_TILE][LANES]}: Σ e^(s − shift) over all generation blocks. */
    private final float[] rowSums = new float[QUERY_TILE * LANES];

    private final float[] overAllWeight = new float[QUERY_TILE];
    private final float[] overGenerationWeight = new float[QUERY_TILE];
    private final float[] overAllLanes = new float[LANES];
    private final float[] overGenerationLanes = new float[LANES];

    /** {@code [blocks][QUERY_TILE][LANES]}: Σ e^(s − shift). */
    private float[] sums = new float[0];

    private int blocks;

    /**
     * Begins a query tile, with shifts that suit nearly every row.
     *
     * @param blocks number of generation blocks
     * @param rows query rows
     * @param logSumExp of every row over all keys
     */
    void begin(int blocks, int rows, float[] logSumExp) {
        this.blocks = blocks;
        int size = Math.multiplyExact(blocks, QUERY_TILE * LANES);
        sums = sums.length < size ? new float[size] : sums;
        for (int row = 0; row < rows; row++) {
            shift[row] = logSumExp[row] - HEADROOM;
        }
        clear(rows);
    }

    /**
     * Sets all sums to zero; the shifts stay.
     *
     * @param rows query rows
     */
    void clear(int rows) {
        Arrays.fill(rowSums, 0, rows * LANES, 0);
        for (int block = 0; block < blocks; block++) {
            int at = block * QUERY_TILE * LANES;
            Arrays.fill(sums, at, at + rows * LANES, 0);
        }
    }

    /**
     * {@return whether the sum of some row is too small} The shifts of such rows become −∞: they need {@link #raise} of
     * every tile, {@link #clear} and the sums once more.
     *
     * @param rows query rows
     */
    boolean underflow(int rows) {
        boolean any = false;
        for (int row = 0; row < rows; row++) {
            if (!(TileSoftmax.sum(rowSums, row * LANES) >= LEAST_SUM)) {
                shift[row] = Float.NEGATIVE_INFINITY;
                any = true;
            }
        }
        return any;
    }

    /**
     * Raises the shifts that {@link #underflow} lowered to the largest score of a tile.
     *
     * @param scores {@code [QUERY_TILE][KEY_TILE]}
     * @param rows query rows
     * @param columns keys of the tile, a multiple of two vectors
     * @param logSumExp of every row over all keys
     */
    void raise(float[] scores, int rows, int columns, float[] logSumExp) {
        for (int row = 0; row < rows; row++) {
            if (shift[row] != logSumExp[row] - HEADROOM) {
                shift[row] = Math.max(shift[row], TileSoftmax.max(scores, row, columns));
            }
        }
    }

    /**
     * Turns a tile of scores into {@code e^(s − shift)}.
     *
     * @param scores {@code [QUERY_TILE][KEY_TILE]}
     * @param rows query rows
     * @param columns keys of the tile, a multiple of a vector
     */
    void exponentiate(float[] scores, int rows, int columns) {
        TileSoftmax.exponentiate(scores, rows, columns, shift, rowSums);
    }

    /**
     * Adds panels of a tile of exponentials that lie in one block with all their keys.
     *
     * @param exponentials {@code [QUERY_TILE][KEY_TILE]}
     * @param from first column
     * @param to end of the columns, exclusive
     * @param rows query rows
     * @param block generation block, from 0
     */
    void add(float[] exponentials, int from, int to, int rows, int block) {
        for (int row = 0; row < rows; row++) {
            int at = (block * QUERY_TILE + row) * LANES;
            FloatVector sum = FloatVector.fromArray(SPECIES, sums, at);
            for (int i = row * KEY_TILE + from; i < row * KEY_TILE + to; i += LANES) {
                sum = sum.add(FloatVector.fromArray(SPECIES, exponentials, i));
            }
            sum.intoArray(sums, at);
        }
    }

    /**
     * Adds some keys of one panel.
     *
     * @param exponentials {@code [QUERY_TILE][KEY_TILE]}
     * @param column first column of the panel
     * @param rows query rows
     * @param bits the keys of the panel that lie in the block
     * @param block generation block, from 0
     */
    void addMasked(float[] exponentials, int column, int rows, long bits, int block) {
        VectorMask<Float> inBlock = VectorMask.fromLong(SPECIES, bits);
        for (int row = 0; row < rows; row++) {
            FloatVector e = FloatVector.fromArray(SPECIES, exponentials, row * KEY_TILE + column);
            int at = (block * QUERY_TILE + row) * LANES;
            FloatVector.fromArray(SPECIES, sums, at).add(e, inBlock).intoArray(sums, at);
        }
    }

    /**
     * Ends a query tile: adds its rows to both importances.
     *
     * @param logSumExp of every row over all keys
     * @param rows query rows
     * @param overAll importance over all keys
     * @param first index of the first generation block there
     * @param overGeneration importance over the generation keys
     */
    void addImportance(float[] logSumExp, int rows, double[] overAll, int first, double[] overGeneration) {
        for (int row = 0; row < rows; row++) {
            overAllWeight[row] = (float) Math.exp((double) shift[row] - logSumExp[row]);
            overGenerationWeight[row] = (float) (1 / TileSoftmax.sum(rowSums, row * LANES));
        }
        for (int block = 0; block < blocks; block++) {
            weigh(block * QUERY_TILE * LANES, rows);
            overAll[first + block] += TileSoftmax.sum(overAllLanes, 0);
            overGeneration[block] += TileSoftmax.sum(overGenerationLanes, 0);
        }
    }

    private void weigh(int at, int rows) {
        FloatVector all = FloatVector.zero(SPECIES);
        FloatVector generation = FloatVector.zero(SPECIES);
        for (int row = 0; row < rows; row++) {
            FloatVector sum = FloatVector.fromArray(SPECIES, sums, at + row * LANES);
            all = sum.fma(FloatVector.broadcast(SPECIES, overAllWeight[row]), all);
            generation = sum.fma(FloatVector.broadcast(SPECIES, overGenerationWeight[row]), generation);
        }
        all.intoArray(overAllLanes, 0);
        generation.intoArray(overGenerationLanes, 0);
    }
}
