package dev.sparsed.internal.vector;

import static dev.sparsed.internal.vector.PanelList.LANES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/** Sums of query rows, folded: four rows share a vector, a quarter of its lanes each. */
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

    /** {@return where the lanes of a row begin} */
    static int at(int row) {
        int inGroup = row % GROUP;
        int place = inGroup == 1 || inGroup == 2 ? GROUP - 1 - inGroup : inGroup;
        return group(row) + place * LANES_PER_ROW;
    }

    /** {@return the sum of a row} */
    static double sum(float[] sums, int row) {
        double sum = 0;
        for (int lane = 0; lane < LANES_PER_ROW; lane++) {
            sum += sums[at(row) + lane];
        }
        return sum;
    }

    /**
     * Adds the vectors of four rows at a time to a quarter of a vector each, and clears them: a quarter of the memory,
     * which for many blocks would not fit the cache. The quarters are those of rows 0, 2, 1, 3.
     *
     * @param added {@code [rows][LANES]}, with room for whole groups of four
     * @param rows query rows
     * @param sums receives the folded sums
     * @param at where in {@code sums}
     * @param rowSums receives them, too
     */
    static void addAndClear(float[] added, int rows, float[] sums, int at, float[] rowSums) {
        FloatVector zero = FloatVector.zero(SPECIES);
        VectorShuffle<Float> upHalf = HALVES.up;
        VectorShuffle<Float> downHalf = HALVES.down;
        VectorMask<Float> upperHalf = HALVES.upper;
        VectorShuffle<Float> upQuarter = QUARTERS.up;
        VectorShuffle<Float> downQuarter = QUARTERS.down;
        VectorMask<Float> upperQuarter = QUARTERS.upper;
        for (int row = 0, to = 0; row < rows; row += GROUP, to += LANES) {
            FloatVector r0 = FloatVector.fromArray(SPECIES, added, row * LANES);
            FloatVector r1 = FloatVector.fromArray(SPECIES, added, (row + 1) * LANES);
            FloatVector r2 = FloatVector.fromArray(SPECIES, added, (row + 2) * LANES);
            FloatVector r3 = FloatVector.fromArray(SPECIES, added, (row + 3) * LANES);
            FloatVector r01 = r0.blend(r1.rearrange(upHalf), upperHalf)
                    .add(r0.rearrange(downHalf).blend(r1, upperHalf));
            FloatVector r23 = r2.blend(r3.rearrange(upHalf), upperHalf)
                    .add(r2.rearrange(downHalf).blend(r3, upperHalf));
            FloatVector all = r01.blend(r23.rearrange(upQuarter), upperQuarter)
                    .add(r01.rearrange(downQuarter).blend(r23, upperQuarter));
            FloatVector.fromArray(SPECIES, sums, at + to).add(all).intoArray(sums, at + to);
            FloatVector.fromArray(SPECIES, rowSums, to).add(all).intoArray(rowSums, to);
            zero.intoArray(added, row * LANES);
            zero.intoArray(added, (row + 1) * LANES);
            zero.intoArray(added, (row + 2) * LANES);
            zero.intoArray(added, (row + 3) * LANES);
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
