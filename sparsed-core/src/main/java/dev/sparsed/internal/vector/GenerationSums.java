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
 * {@code e^(s − lse)} of the generation keys underflows; so their sums are relative to the running maximum m of the
 * row's generation scores, and rescaled when it rises. At the end a row's sum over block j, {@code Σ e^(s − m)}, enters
 * the importance over all keys with the weight {@code e^(m − lse)}, and the one over the generation keys divided by the
 * row's sum over all generation blocks.
 */
final class GenerationSums {

    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;

    private final float[] max = new float[QUERY_TILE];

    /** {@code [QUERY_TILE][LANES]}: Σ e^(s − m) over all generation blocks. */
    private final float[] rowSums = new float[QUERY_TILE * LANES];

    private final float[] overAllWeight = new float[QUERY_TILE];
    private final float[] overGenerationWeight = new float[QUERY_TILE];
    private final float[] overAllLanes = new float[LANES];
    private final float[] overGenerationLanes = new float[LANES];

    /** {@code [blocks][QUERY_TILE][LANES]}: Σ e^(s − m). */
    private float[] sums = new float[0];

    private int blocks;

    /**
     * Begins a query tile.
     *
     * @param blocks number of generation blocks
     * @param rows query rows
     */
    void begin(int blocks, int rows) {
        this.blocks = blocks;
        int size = Math.multiplyExact(blocks, QUERY_TILE * LANES);
        sums = sums.length < size ? new float[size] : sums;
        Arrays.fill(max, 0, rows, Float.NEGATIVE_INFINITY);
        Arrays.fill(rowSums, 0, rows * LANES, 0);
        for (int block = 0; block < blocks; block++) {
            int at = block * QUERY_TILE * LANES;
            Arrays.fill(sums, at, at + rows * LANES, 0);
        }
    }

    /**
     * Turns a tile of scores into {@code e^(s − m)}, after raising the rows' maxima to those of the tile.
     *
     * @param scores {@code [QUERY_TILE][KEY_TILE]}
     * @param rows query rows
     * @param columns keys of the tile, a multiple of two vectors
     * @param begun the last generation block that may have been added to; −1 if there is none
     */
    void exponentiate(float[] scores, int rows, int columns, int begun) {
        for (int row = 0; row < rows; row++) {
            float old = max[row];
            float tile = TileSoftmax.max(scores, row, columns);
            if (tile > old) {
                max[row] = tile;
                float factor = (float) Math.exp(old - tile);
                TileSoftmax.scale(rowSums, row * LANES, LANES, factor);
                for (int block = 0; block <= begun; block++) {
                    TileSoftmax.scale(sums, (block * QUERY_TILE + row) * LANES, LANES, factor);
                }
            }
        }
        TileSoftmax.exponentiate(scores, rows, columns, max, rowSums);
    }

    /**
     * Adds one panel of a tile of exponentials to a block, row by row.
     *
     * @param exponentials {@code [QUERY_TILE][KEY_TILE]}
     * @param column first column of the panel
     * @param rows query rows
     * @param bits the keys of the panel that lie in the block
     * @param block generation block, from 0
     */
    void add(float[] exponentials, int column, int rows, long bits, int block) {
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
            overAllWeight[row] = (float) Math.exp((double) max[row] - logSumExp[row]);
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
