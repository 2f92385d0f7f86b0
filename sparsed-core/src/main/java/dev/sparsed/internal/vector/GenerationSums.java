package dev.sparsed.internal.vector;

import static dev.sparsed.internal.vector.PanelList.LANES;
import static dev.sparsed.internal.vector.ScoreTile.KEY_TILE;
import static dev.sparsed.internal.vector.ScoreTile.QUERY_TILE;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/**
 * Sums of a query tile's generation softmax by row and block, to base 2: scores s and log-sum-exp are multiples of log₂e.
 * Where the prompt has nearly all of a row's weight, {@code 2^(s − lse)} of the generation keys underflows; so their sums
 * are those of {@code 2^(s − shift)}, with a shift of about {@code lse − 92} for most rows, and of the row's largest
 * generation score where even that leaves too little. At the end a row's sum over block j enters the importance over all
 * keys with the weight {@code 2^(shift − lse)}, and the one over the generation keys divided by the row's sum over all
 * generation blocks.
 */
final class GenerationSums {

    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;

    /** Floats of the folded sums of all rows. */
    private static final int FOLDED = RowFold.floats(QUERY_TILE);

    /** No score exceeds the row's log-sum-exp, so no sum 2^93 = 10²⁸. */
    private static final float HEADROOM = 92;

    /**
     * Least sum of a row that does without its maximum: terms that {@link VectorExp} gives as 0, below 2⁻¹²⁶, are then
     * less than 10⁻¹⁹ of it.
     */
    private static final double LEAST_SUM = 0x1p-62;

    private final float[] shift = new float[QUERY_TILE];

    /** {@code [QUERY_TILE][LANES]}: Σ 2^(s − shift) of what is added next; else zero. */
    private final float[] added = new float[QUERY_TILE * LANES];

    /** Sums of each row over all generation blocks, folded ({@link RowFold}). */
    private final float[] rowSums = new float[FOLDED];

    private final float[] overAllWeight = new float[FOLDED];
    private final float[] overGenerationWeight = new float[FOLDED];
    private final float[] overAllLanes = new float[LANES];
    private final float[] overGenerationLanes = new float[LANES];

    /** {@code [blocks][FOLDED]}: sums of each row and block, folded. */
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
        int size = Math.multiplyExact(blocks, FOLDED);
        sums = sums.length < size ? new float[size] : sums;
        for (int row = 0; row < rows; row++) {
            shift[row] = usualShift(logSumExp[row]);
        }
        clear(rows);
    }

    private static float usualShift(float logSumExp) {
        return (float) Math.rint(logSumExp) - HEADROOM;
    }

    /**
     * Sets all sums to zero; the shifts stay.
     *
     * @param rows query rows
     */
    void clear(int rows) {
        int used = RowFold.floats(rows);
        Arrays.fill(rowSums, 0, used, 0);
        for (int block = 0; block < blocks; block++) {
            Arrays.fill(sums, block * FOLDED, block * FOLDED + used, 0);
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
            if (!(rowSum(row) >= LEAST_SUM)) {
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
            if (shift[row] != usualShift(logSumExp[row])) {
                shift[row] = Math.max(shift[row], (float) Math.rint(TileSoftmax.max(scores, row, columns)));
            }
        }
    }

    /**
     * Adds {@code 2^(s − shift)} of panels of a tile that lie in one block with all their keys.
     *
     * @param scores {@code [QUERY_TILE][KEY_TILE]}
     * @param from first column
     * @param to end of the columns, exclusive
     * @param rows query rows
     * @param block generation block, from 0
     */
    void add(float[] scores, int from, int to, int rows, int block) {
        int column = from;
        for (; column + 2 * LANES <= to; column += 2 * LANES) {
            sumPair(scores, column, rows, shift, added);
        }
        if (column < to) {
            sumMasked(scores, column, rows, PanelList.ALL, shift, added);
        }
        RowFold.addAndClear(added, rows, sums, block * FOLDED, rowSums);
    }

    /** Two panels at a time: a loop over those of a block would be too short to be fast. */
    private static void sumPair(float[] scores, int column, int rows, float[] shift, float[] added) {
        FloatVector rounder = VectorExp.rounder(0);
        FloatVector lowest = VectorExp.lowest(0);
        for (int row = 0; row < rows; row++) {
            int at = row * KEY_TILE + column;
            FloatVector minus = FloatVector.broadcast(SPECIES, shift[row]);
            FloatVector s0 = FloatVector.fromArray(SPECIES, scores, at).sub(minus);
            FloatVector s1 = FloatVector.fromArray(SPECIES, scores, at + LANES).sub(minus);
            FloatVector sum = VectorExp.exp2(s0, rounder, lowest).add(VectorExp.exp2(s1, rounder, lowest));
            FloatVector.fromArray(SPECIES, added, row * LANES).add(sum).intoArray(added, row * LANES);
        }
    }

    /**
     * Adds {@code 2^(s − shift)} of some keys of one panel.
     *
     * @param scores {@code [QUERY_TILE][KEY_TILE]}
     * @param column first column of the panel
     * @param rows query rows
     * @param bits the keys of the panel that lie in the block
     * @param block generation block, from 0
     */
    void addMasked(float[] scores, int column, int rows, long bits, int block) {
        sumMasked(scores, column, rows, bits, shift, added);
        RowFold.addAndClear(added, rows, sums, block * FOLDED, rowSums);
    }

    private static void sumMasked(float[] scores, int column, int rows, long bits, float[] shift, float[] added) {
        FloatVector rounder = VectorExp.rounder(0);
        FloatVector lowest = VectorExp.lowest(0);
        VectorMask<Float> inBlock = VectorMask.fromLong(SPECIES, bits);
        for (int row = 0; row < rows; row++) {
            FloatVector s = FloatVector.fromArray(SPECIES, scores, row * KEY_TILE + column)
                    .sub(shift[row]);
            FloatVector.fromArray(SPECIES, added, row * LANES)
                    .add(VectorExp.exp2(s, rounder, lowest), inBlock)
                    .intoArray(added, row * LANES);
        }
    }

    private double rowSum(int row) {
        return RowFold.sum(rowSums, row);
    }

    /**
     * Adds some rows of a query tile to both importances, after its last tile of keys.
     *
     * @param logSumExp of every row over all keys
     * @param from first row
     * @param to end of the rows, exclusive
     * @param overAll importance over all keys
     * @param first index of the first generation block there
     * @param overGeneration importance over the generation keys
     */
    void addImportance(float[] logSumExp, int from, int to, double[] overAll, int first, double[] overGeneration) {
        int begin = RowFold.group(from);
        int end = RowFold.floats(to);
        Arrays.fill(overAllWeight, begin, end, 0); // those beyond the last row stay zero
        Arrays.fill(overGenerationWeight, begin, end, 0);
        for (int row = from; row < to; row++) {
            int at = RowFold.at(row);
            float all = (float) Math.pow(2, (double) shift[row] - logSumExp[row]);
            Arrays.fill(overAllWeight, at, at + RowFold.LANES_PER_ROW, all);
            Arrays.fill(overGenerationWeight, at, at + RowFold.LANES_PER_ROW, (float) (1 / rowSum(row)));
        }
        for (int block = 0; block < blocks; block++) {
            weigh(block * FOLDED, begin, end);
            overAll[first + block] += TileSoftmax.sum(overAllLanes, 0);
            overGeneration[block] += TileSoftmax.sum(overGenerationLanes, 0);
        }
    }

    private void weigh(int at, int from, int to) {
        FloatVector all = FloatVector.zero(SPECIES);
        FloatVector generation = FloatVector.zero(SPECIES);
        for (int i = from; i < to; i += LANES) {
            FloatVector sum = FloatVector.fromArray(SPECIES, sums, at + i);
            all = sum.fma(FloatVector.fromArray(SPECIES, overAllWeight, i), all);
            generation = sum.fma(FloatVector.fromArray(SPECIES, overGenerationWeight, i), generation);
        }
        all.intoArray(overAllLanes, 0);
        generation.intoArray(overGenerationLanes, 0);
    }
}
