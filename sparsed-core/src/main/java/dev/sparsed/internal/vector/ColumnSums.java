package dev.sparsed.internal.vector;

import static dev.sparsed.internal.vector.PanelList.LANES;
import static dev.sparsed.internal.vector.ScoreTile.KEY_TILE;

import dev.sparsed.attention.BlockLayout;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/**
 * Sums of {@code 2^(s − lse)} by key block over the rows of one or several query blocks, whose rows follow each other in
 * a query tile; scores s and log-sum-exp are multiples of log₂e. Columns are summed first, over at most 64 rows per
 * vector lane in float32. A block with less than 1e-38 of every row's weight counts as zero.
 */
final class ColumnSums {

    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;

    private final float[] columns = new float[KEY_TILE];

    /** {@code [query blocks][blocks][LANES]}. */
    private float[] sums = new float[0];

    private int blocks;

    /**
     * Begins some query blocks.
     *
     * @param queryBlocks how many
     * @param keyBlocks number of key blocks
     */
    void begin(int queryBlocks, int keyBlocks) {
        blocks = keyBlocks;
        int size = Math.multiplyExact(queryBlocks * keyBlocks, LANES);
        sums = sums.length < size ? new float[size] : sums;
        Arrays.fill(sums, 0, size, 0);
    }

    /**
     * Adds a tile of scores.
     *
     * @param scores {@code [QUERY_TILE][KEY_TILE]}
     * @param rows query rows
     * @param blockRows rows of a query block; the first row begins one
     * @param logSumExp of every row
     * @param list which keys
     * @param from first panel of the tile in the list
     * @param count panels of the tile, even
     * @param layout the key blocks
     */
    void add(
            float[] scores,
            int rows,
            int blockRows,
            float[] logSumExp,
            PanelList list,
            int from,
            int count,
            BlockLayout layout) {
        for (int row = 0, index = 0; row < rows; row += blockRows, index++) {
            for (int i = 0; i < count; i += 2) {
                sumColumns(scores, i * LANES, row, Math.min(rows, row + blockRows), logSumExp, columns);
            }
            for (int i = 0; i < count; i++) {
                int panel = list.panels()[from + i];
                int last = PanelList.lastBlock(panel, layout);
                for (int block = PanelList.firstBlock(panel, layout); block <= last; block++) {
                    long bits = PanelList.bits(panel, layout.start(block), layout.end(block)) & list.bits(from + i);
                    addColumns(columns, i * LANES, bits, sums, (index * blocks + block) * LANES);
                }
            }
        }
    }

    /**
     * {@return the sum of a key block}
     *
     * @param index of the query block, from 0
     * @param block the key block
     */
    double sum(int index, int block) {
        return TileSoftmax.sum(sums, (index * blocks + block) * LANES);
    }

    /** Two panels at a time. */
    private static void sumColumns(float[] scores, int column, int from, int to, float[] logSumExp, float[] columns) {
        FloatVector rounder = VectorExp.rounder(0);
        FloatVector lowest = VectorExp.lowest(0);
        FloatVector sum0 = FloatVector.zero(SPECIES);
        FloatVector sum1 = sum0;
        for (int row = from; row < to; row++) {
            int at = row * KEY_TILE + column;
            FloatVector lse = FloatVector.broadcast(SPECIES, logSumExp[row]);
            FloatVector s0 = FloatVector.fromArray(SPECIES, scores, at).sub(lse);
            FloatVector s1 = FloatVector.fromArray(SPECIES, scores, at + LANES).sub(lse);
            sum0 = sum0.add(VectorExp.exp2(s0, rounder, lowest));
            sum1 = sum1.add(VectorExp.exp2(s1, rounder, lowest));
        }
        sum0.intoArray(columns, column);
        sum1.intoArray(columns, column + LANES);
    }

    private static void addColumns(float[] columns, int column, long bits, float[] sums, int to) {
        VectorMask<Float> inBlock = VectorMask.fromLong(SPECIES, bits);
        FloatVector.fromArray(SPECIES, sums, to)
                .add(FloatVector.fromArray(SPECIES, columns, column), inBlock)
                .intoArray(sums, to);
    }
}
