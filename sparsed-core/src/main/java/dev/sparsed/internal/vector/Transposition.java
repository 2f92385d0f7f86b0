package dev.sparsed.internal.vector;

import static dev.sparsed.internal.vector.PanelList.LANES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/** Copies that make neighbours of what lies in the same column. */
final class Transposition {

    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;

    /** Two floats as one lane. */
    private static final VectorSpecies<Long> PAIRS = LongVector.SPECIES_PREFERRED;

    private static final TransposeStage<Float>[] STAGES = TransposeStage.all(SPECIES);

    /** For {@link #interleave4}: lane i reads lane i/4 of a quarter. */
    private static final VectorShuffle<Float> QUARTER_0 = quarter(0);

    private static final VectorShuffle<Float> QUARTER_1 = quarter(1);
    private static final VectorShuffle<Float> QUARTER_2 = quarter(2);
    private static final VectorShuffle<Float> QUARTER_3 = quarter(3);

    /** For {@link #interleave6}: lane i reads lane i/2 of a half, or i/3 of a third, of pairs. */
    private static final VectorShuffle<Float> HALF_0 = VectorShuffle.fromOp(SPECIES, lane -> lane / 2);

    private static final VectorShuffle<Float> HALF_1 = VectorShuffle.fromOp(SPECIES, lane -> (LANES + lane) / 2);
    private static final VectorShuffle<Long> THIRD_0 = third(0);
    private static final VectorShuffle<Long> THIRD_1 = third(1);
    private static final VectorShuffle<Long> THIRD_2 = third(2);

    /** Which lanes of the three vectors come from the second row of pairs, and which from the last. */
    private static final VectorMask<Long> SECOND_0 = fromRow(0, 1);

    private static final VectorMask<Long> SECOND_1 = fromRow(1, 1);
    private static final VectorMask<Long> SECOND_2 = fromRow(2, 1);
    private static final VectorMask<Long> LAST_0 = fromRow(0, 2);
    private static final VectorMask<Long> LAST_1 = fromRow(1, 2);
    private static final VectorMask<Long> LAST_2 = fromRow(2, 2);

    private Transposition() {}

    private static VectorShuffle<Long> third(int third) {
        return VectorShuffle.fromOp(PAIRS, lane -> (third * PAIRS.length() + lane) / 3);
    }

    private static VectorMask<Long> fromRow(int third, int row) {
        long bits = 0;
        for (int lane = 0; lane < PAIRS.length(); lane++) {
            bits |= (third * PAIRS.length() + lane) % 3 == row ? 1L << lane : 0;
        }
        return VectorMask.fromLong(PAIRS, bits);
    }

    private static VectorShuffle<Float> quarter(int quarter) {
        return VectorShuffle.fromOp(SPECIES, lane -> (quarter * LANES + lane) / 4);
    }

    /**
     * Transposes as many rows as a vector has lanes: {@code to[begin + column·LANES + row]} becomes
     * {@code from[first + row·stride + column]}.
     *
     * @param from the rows
     * @param first index of the first row
     * @param stride from one row to the next
     * @param columns how many
     * @param to receives {@code [columns][LANES]}
     * @param begin index there
     */
    static void transpose(float[] from, int first, int stride, int columns, float[] to, int begin) {
        int squares = columns / LANES;
        for (int row = 0; row < LANES; row += 4) {
            twoFirstStages(from, first + row * stride, stride, squares, to, begin + row * LANES);
        }
        int stage = 2;
        for (; stage + 2 <= STAGES.length; stage += 2) {
            twoStages(to, begin, squares * LANES / 4, STAGES[stage], STAGES[stage + 1]);
        }
        if (stage < STAGES.length) {
            oneStage(to, begin, squares * LANES / 2, STAGES[stage]);
        }
        for (int column = squares * LANES; column < columns; column++) {
            for (int row = 0; row < LANES; row++) {
                to[begin + column * LANES + row] = from[first + row * stride + column];
            }
        }
    }

    /**
     * Four rows of every square, from where they are into their place: {@link #twoStages} from other addresses. With the stages of four vectors in a
     * method for both, 8,192 × 64 took 0.67 to 0.75 ms instead of 0.46 to 0.73, and 0.29 to 0.41 instead of 0.23 to 0.30 with vectors of 256 bits.
     */
    private static void twoFirstStages(float[] from, int first, int stride, int squares, float[] to, int begin) {
        VectorShuffle<Float> up1 = STAGES[0].up();
        VectorShuffle<Float> down1 = STAGES[0].down();
        VectorMask<Float> upper1 = STAGES[0].upper();
        VectorShuffle<Float> up2 = STAGES[1].up();
        VectorShuffle<Float> down2 = STAGES[1].down();
        VectorMask<Float> upper2 = STAGES[1].upper();
        for (int square = 0; square < squares; square++) {
            int row = first + square * LANES;
            FloatVector r0 = FloatVector.fromArray(SPECIES, from, row);
            FloatVector r1 = FloatVector.fromArray(SPECIES, from, row + stride);
            FloatVector r2 = FloatVector.fromArray(SPECIES, from, row + 2 * stride);
            FloatVector r3 = FloatVector.fromArray(SPECIES, from, row + 3 * stride);
            FloatVector s0 = r0.blend(r1.rearrange(up1), upper1);
            FloatVector s1 = r0.rearrange(down1).blend(r1, upper1);
            FloatVector s2 = r2.blend(r3.rearrange(up1), upper1);
            FloatVector s3 = r2.rearrange(down1).blend(r3, upper1);
            int at = begin + square * LANES * LANES;
            s0.blend(s2.rearrange(up2), upper2).intoArray(to, at);
            s1.blend(s3.rearrange(up2), upper2).intoArray(to, at + LANES);
            s0.rearrange(down2).blend(s2, upper2).intoArray(to, at + 2 * LANES);
            s1.rearrange(down2).blend(s3, upper2).intoArray(to, at + 3 * LANES);
        }
    }

    /** Two stages, the second of twice the distance of the first, of quads of vectors that lie that distance apart. */
    private static void twoStages(
            float[] squares, int begin, int quads, TransposeStage<Float> first, TransposeStage<Float> second) {
        int distance = first.distance();
        int step = distance * LANES;
        VectorShuffle<Float> up1 = first.up();
        VectorShuffle<Float> down1 = first.down();
        VectorMask<Float> upper1 = first.upper();
        VectorShuffle<Float> up2 = second.up();
        VectorShuffle<Float> down2 = second.down();
        VectorMask<Float> upper2 = second.upper();
        for (int quad = 0; quad < quads; quad++) {
            int at = begin + (4 * (quad & -distance) + (quad & distance - 1)) * LANES;
            FloatVector r0 = FloatVector.fromArray(SPECIES, squares, at);
            FloatVector r1 = FloatVector.fromArray(SPECIES, squares, at + step);
            FloatVector r2 = FloatVector.fromArray(SPECIES, squares, at + 2 * step);
            FloatVector r3 = FloatVector.fromArray(SPECIES, squares, at + 3 * step);
            FloatVector s0 = r0.blend(r1.rearrange(up1), upper1);
            FloatVector s1 = r0.rearrange(down1).blend(r1, upper1);
            FloatVector s2 = r2.blend(r3.rearrange(up1), upper1);
            FloatVector s3 = r2.rearrange(down1).blend(r3, upper1);
            s0.blend(s2.rearrange(up2), upper2).intoArray(squares, at);
            s1.blend(s3.rearrange(up2), upper2).intoArray(squares, at + step);
            s0.rearrange(down2).blend(s2, upper2).intoArray(squares, at + 2 * step);
            s1.rearrange(down2).blend(s3, upper2).intoArray(squares, at + 3 * step);
        }
    }

    private static void oneStage(float[] squares, int begin, int pairs, TransposeStage<Float> stage) {
        int distance = stage.distance();
        VectorShuffle<Float> up = stage.up();
        VectorShuffle<Float> down = stage.down();
        VectorMask<Float> upper = stage.upper();
        for (int pair = 0; pair < pairs; pair++) {
            int low = begin + (2 * (pair & -distance) + (pair & distance - 1)) * LANES;
            int high = low + distance * LANES;
            FloatVector a = FloatVector.fromArray(SPECIES, squares, low);
            FloatVector b = FloatVector.fromArray(SPECIES, squares, high);
            a.blend(b.rearrange(up), upper).intoArray(squares, low);
            a.rearrange(down).blend(b, upper).intoArray(squares, high);
        }
    }

    /**
     * Interleaves four rows, times a factor: {@code to[begin + 4·column + row]} becomes
     * {@code from[first + row·stride + column]·factor}.
     *
     * @param from the rows
     * @param first index of the first row
     * @param stride from one row to the next
     * @param columns how many
     * @param factor the factor
     * @param to receives {@code [columns][4]}
     * @param begin index there
     */
    static void interleave4(float[] from, int first, int stride, int columns, float factor, float[] to, int begin) {
        VectorMask<Float> odd = STAGES[0].upper();
        VectorMask<Float> upper = STAGES[1].upper();
        VectorShuffle<Float> quarter0 = QUARTER_0;
        VectorShuffle<Float> quarter1 = QUARTER_1;
        VectorShuffle<Float> quarter2 = QUARTER_2;
        VectorShuffle<Float> quarter3 = QUARTER_3;
        int column = 0;
        for (; column + LANES <= columns; column += LANES) {
            int row = first + column;
            FloatVector r0 = FloatVector.fromArray(SPECIES, from, row).mul(factor);
            FloatVector r1 = FloatVector.fromArray(SPECIES, from, row + stride).mul(factor);
            FloatVector r2 =
                    FloatVector.fromArray(SPECIES, from, row + 2 * stride).mul(factor);
            FloatVector r3 =
                    FloatVector.fromArray(SPECIES, from, row + 3 * stride).mul(factor);
            int at = begin + 4 * column;
            r0.rearrange(quarter0)
                    .blend(r1.rearrange(quarter0), odd)
                    .blend(r2.rearrange(quarter0).blend(r3.rearrange(quarter0), odd), upper)
                    .intoArray(to, at);
            r0.rearrange(quarter1)
                    .blend(r1.rearrange(quarter1), odd)
                    .blend(r2.rearrange(quarter1).blend(r3.rearrange(quarter1), odd), upper)
                    .intoArray(to, at + LANES);
            r0.rearrange(quarter2)
                    .blend(r1.rearrange(quarter2), odd)
                    .blend(r2.rearrange(quarter2).blend(r3.rearrange(quarter2), odd), upper)
                    .intoArray(to, at + 2 * LANES);
            r0.rearrange(quarter3)
                    .blend(r1.rearrange(quarter3), odd)
                    .blend(r2.rearrange(quarter3).blend(r3.rearrange(quarter3), odd), upper)
                    .intoArray(to, at + 3 * LANES);
        }
        for (; column < columns; column++) {
            for (int row = 0; row < 4; row++) {
                to[begin + 4 * column + row] = from[first + row * stride + column] * factor;
            }
        }
    }

    /**
     * Interleaves six rows: {@code to[begin + 6·column + row]} becomes {@code from[first + row·stride + column]}.
     *
     * @param from the rows
     * @param first index of the first row
     * @param stride from one row to the next
     * @param columns how many
     * @param to receives {@code [columns][6]}
     * @param begin index there
     */
    static void interleave6(float[] from, int first, int stride, int columns, float[] to, int begin) {
        VectorMask<Float> odd = STAGES[0].upper();
        int column = 0;
        // vectors of two pairs cannot be rearranged without a call, and took eight times as long
        for (; PAIRS.length() > 2 && column + LANES <= columns; column += LANES) {
            for (int half = 0; half < 2; half++) {
                int row = first + column;
                VectorShuffle<Float> twice = half == 0 ? HALF_0 : HALF_1;
                LongVector p0 = FloatVector.fromArray(SPECIES, from, row)
                        .rearrange(twice)
                        .blend(
                                FloatVector.fromArray(SPECIES, from, row + stride)
                                        .rearrange(twice),
                                odd)
                        .reinterpretAsLongs();
                LongVector p1 = FloatVector.fromArray(SPECIES, from, row + 2 * stride)
                        .rearrange(twice)
                        .blend(
                                FloatVector.fromArray(SPECIES, from, row + 3 * stride)
                                        .rearrange(twice),
                                odd)
                        .reinterpretAsLongs();
                LongVector p2 = FloatVector.fromArray(SPECIES, from, row + 4 * stride)
                        .rearrange(twice)
                        .blend(
                                FloatVector.fromArray(SPECIES, from, row + 5 * stride)
                                        .rearrange(twice),
                                odd)
                        .reinterpretAsLongs();
                int at = begin + 6 * column + 3 * half * LANES;
                p0.rearrange(THIRD_0)
                        .blend(p1.rearrange(THIRD_0), SECOND_0)
                        .blend(p2.rearrange(THIRD_0), LAST_0)
                        .reinterpretAsFloats()
                        .intoArray(to, at);
                p0.rearrange(THIRD_1)
                        .blend(p1.rearrange(THIRD_1), SECOND_1)
                        .blend(p2.rearrange(THIRD_1), LAST_1)
                        .reinterpretAsFloats()
                        .intoArray(to, at + LANES);
                p0.rearrange(THIRD_2)
                        .blend(p1.rearrange(THIRD_2), SECOND_2)
                        .blend(p2.rearrange(THIRD_2), LAST_2)
                        .reinterpretAsFloats()
                        .intoArray(to, at + 2 * LANES);
            }
        }
        for (; column < columns; column++) {
            for (int row = 0; row < 6; row++) {
                to[begin + 6 * column + row] = from[first + row * stride + column];
            }
        }
    }
}
