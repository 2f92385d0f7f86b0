package dev.sparsed.internal.vector;

import static dev.sparsed.internal.vector.PanelList.LANES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Sums of query rows, folded: four rows share a vector, a quarter of its lanes each. That is a quarter of the memory,
 * which for many blocks would not fit the cache.
 */
final class RowFold {

    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;

    /** Rows that share a vector. */
    static final int GROUP = 4;

    /** Lanes that a row's sum is spread over. */
    static final int LANES_PER_ROW = LANES / GROUP;

    private static final Fold HALVES = Fold.ofDistance(LANES / 2);

    private static final Fold QUARTERS = Fold.ofDistance(LANES_PER_ROW);

    private RowFold() {}

    /** {@return floats that the sums of so many rows take, whole vectors} */
    static int floats(int rows) {
        return Math.ceilDiv(rows, GROUP) * LANES;
    }

    /** {@return where the vector of a row begins} */
    static int group(int row) {
        return row / GROUP * LANES;
    }

    /** {@return where the lanes of a row begin} The quarters of a vector are those of rows 0, 2, 1, 3. */
    static int at(int row) {
        int inGroup = row % GROUP;
        int place = inGroup == 1 || inGroup == 2 ? GROUP - 1 - inGroup : inGroup;
        return group(row) + place * LANES_PER_ROW;
    }

    /**
     * Adds some columns of every row to its folded sum.
     *
     * @param values {@code [rows][stride]}
     * @param stride columns of a row
     * @param from first column
     * @param to end of the columns, exclusive; whole vectors
     * @param rows rows, a multiple of {@link #GROUP}
     * @param sums receives the folded sums
     * @param at where in {@code sums}
     */
    static void add(float[] values, int stride, int from, int to, int rows, float[] sums, int at) {
        VectorShuffle<Float> upHalf = HALVES.up;
        VectorShuffle<Float> downHalf = HALVES.down;
        VectorMask<Float> upperHalf = HALVES.upper;
        VectorShuffle<Float> upQuarter = QUARTERS.up;
        VectorShuffle<Float> downQuarter = QUARTERS.down;
        VectorMask<Float> upperQuarter = QUARTERS.upper;
        for (int row = 0; row < rows; row += GROUP) {
            int row0 = row * stride;
            FloatVector r0 = FloatVector.fromArray(SPECIES, values, row0 + from);
            FloatVector r1 = FloatVector.fromArray(SPECIES, values, row0 + stride + from);
            FloatVector r2 = FloatVector.fromArray(SPECIES, values, row0 + 2 * stride + from);
            FloatVector r3 = FloatVector.fromArray(SPECIES, values, row0 + 3 * stride + from);
            for (int column = row0 + from + LANES; column < row0 + to; column += LANES) {
                r0 = r0.add(FloatVector.fromArray(SPECIES, values, column));
                r1 = r1.add(FloatVector.fromArray(SPECIES, values, column + stride));
                r2 = r2.add(FloatVector.fromArray(SPECIES, values, column + 2 * stride));
                r3 = r3.add(FloatVector.fromArray(SPECIES, values, column + 3 * stride));
            }
            FloatVector r01 = r0.blend(r1.rearrange(upHalf), upperHalf)
                    .add(r0.rearrange(downHalf).blend(r1, upperHalf));
            FloatVector r23 = r2.blend(r3.rearrange(upHalf), upperHalf)
                    .add(r2.rearrange(downHalf).blend(r3, upperHalf));
            FloatVector all = r01.blend(r23.rearrange(upQuarter), upperQuarter)
                    .add(r01.rearrange(downQuarter).blend(r23, upperQuarter));
            int to4 = at + row / GROUP * LANES;
            FloatVector.fromArray(SPECIES, sums, to4).add(all).intoArray(sums, to4);
        }
    }

    /**
     * Two vectors a and b to one of sums: {@code blend(a, up(b)) + blend(down(a), b)}.
     *
     * @param up lane i reads lane i − distance
     * @param down lane i reads lane i + distance
     * @param upper the lanes whose number has the distance's bit set: they take from b
     */
    private record Fold(VectorShuffle<Float> up, VectorShuffle<Float> down, VectorMask<Float> upper) {

        static Fold ofDistance(int distance) {
            long bits = 0;
            for (int lane = 0; lane < LANES; lane++) {
                bits |= (lane & distance) == 0 ? 0L : 1L << lane;
            }
            return new Fold(
                    VectorShuffle.fromOp(SPECIES, lane -> lane - distance & LANES - 1),
                    VectorShuffle.fromOp(SPECIES, lane -> lane + distance & LANES - 1),
                    VectorMask.fromLong(SPECIES, bits));
        }
    }
}
