package dev.sparsed.internal.vector;

import static dev.sparsed.internal.vector.PanelList.LANES;
import static dev.sparsed.internal.vector.ScoreTile.KEY_TILE;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** What a softmax needs of a tile of scores {@code [QUERY_TILE][KEY_TILE]}: maxima, exponentials and their sums. */
final class TileSoftmax {

    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;

    private TileSoftmax() {}

    /**
     * {@return the largest score of a row}
     *
     * @param scores the tile
     * @param row the row
     * @param columns keys of the tile, a multiple of two vectors
     */
    static float max(float[] scores, int row, int columns) {
        int at = row * KEY_TILE;
        FloatVector max0 = FloatVector.fromArray(SPECIES, scores, at);
        FloatVector max1 = FloatVector.fromArray(SPECIES, scores, at + LANES);
        for (int i = 2 * LANES; i < columns; i += 2 * LANES) {
            // compare and blend: two instructions, where max needs five for the order of −0, +0 and NaN
            FloatVector x0 = FloatVector.fromArray(SPECIES, scores, at + i);
            FloatVector x1 = FloatVector.fromArray(SPECIES, scores, at + i + LANES);
            max0 = max0.blend(x0, x0.compare(VectorOperators.GT, max0));
            max1 = max1.blend(x1, x1.compare(VectorOperators.GT, max1));
        }
        return max0.max(max1).reduceLanes(VectorOperators.MAX);
    }

    /**
     * {@return whether a score of a row exceeds a limit} Half the work of {@link #max}, whose last step takes as long as
     * the others.
     *
     * @param scores the tile
     * @param row the row
     * @param columns keys of the tile, a multiple of two vectors
     * @param limit the limit
     */
    static boolean exceeds(float[] scores, int row, int columns, float limit) {
        int at = row * KEY_TILE;
        FloatVector max0 = FloatVector.fromArray(SPECIES, scores, at);
        FloatVector max1 = FloatVector.fromArray(SPECIES, scores, at + LANES);
        for (int i = 2 * LANES; i < columns; i += 2 * LANES) {
            FloatVector x0 = FloatVector.fromArray(SPECIES, scores, at + i);
            FloatVector x1 = FloatVector.fromArray(SPECIES, scores, at + i + LANES);
            max0 = max0.blend(x0, x0.compare(VectorOperators.GT, max0));
            max1 = max1.blend(x1, x1.compare(VectorOperators.GT, max1));
        }
        return max0.blend(max1, max1.compare(VectorOperators.GT, max0))
                .compare(VectorOperators.GT, limit)
                .anyTrue();
    }

    /**
     * {@code s = 2^(s − shift)} in place, and {@code sums += Σ} of every row, lane by lane. The only place of attention
     * that calls {@link VectorExp}: the compiler stops inlining in a method that has grown too large, and a vector that
     * crosses a call is allocated.
     *
     * @param scores the tile
     * @param rows query rows
     * @param columns keys of the tile, a multiple of a vector
     * @param shift one per row, an integer
     * @param sums {@code [QUERY_TILE][LANES]}
     */
    static void exponentiate(float[] scores, int rows, int columns, float[] shift, float[] sums) {
        for (int row = 0; row < rows; row++) {
            if (!(Math.abs(shift[row]) < VectorExp.MOST_SHIFT)) {
                exponentiateAnyShift(scores, row, columns, shift[row], sums);
                continue;
            }
            FloatVector rounder = VectorExp.rounder(shift[row]);
            FloatVector lowest = VectorExp.lowest(shift[row]);
            FloatVector sum = FloatVector.zero(SPECIES);
            int at = row * KEY_TILE;
            for (int i = 0; i < columns; i += LANES) {
                FloatVector e = VectorExp.exp2(FloatVector.fromArray(SPECIES, scores, at + i), rounder, lowest);
                e.intoArray(scores, at + i);
                sum = sum.add(e);
            }
            FloatVector.fromArray(SPECIES, sums, row * LANES).add(sum).intoArray(sums, row * LANES);
        }
    }

    /** One row whose scores are beyond two million, infinite or no numbers. */
    private static void exponentiateAnyShift(float[] scores, int row, int columns, float shift, float[] sums) {
        int at = row * KEY_TILE;
        for (int i = 0; i < columns; i++) {
            float e = (float) Math.pow(2, (double) scores[at + i] - shift);
            scores[at + i] = e < Float.MIN_NORMAL ? 0 : e;
            sums[row * LANES + i % LANES] += scores[at + i];
        }
    }

    /**
     * {@code values *= factor}.
     *
     * @param values the values
     * @param at index of the first
     * @param count how many, a multiple of a vector
     * @param factor the factor
     */
    static void scale(float[] values, int at, int count, float factor) {
        scale(values, at, count, factor, values, at);
    }

    /**
     * {@code to = from·factor}.
     *
     * @param from the values
     * @param first index of the first
     * @param count how many
     * @param factor the factor
     * @param to receives the products
     * @param at index of the first
     */
    static void scale(float[] from, int first, int count, float factor, float[] to, int at) {
        int i = 0;
        for (; i + LANES <= count; i += LANES) {
            FloatVector.fromArray(SPECIES, from, first + i).mul(factor).intoArray(to, at + i);
        }
        for (; i < count; i++) {
            to[at + i] = from[first + i] * factor;
        }
    }

    /**
     * {@return the sum of the lanes of a vector, in ascending order} {@code reduceLanes} leaves the order open, and
     * interpreter and compiler differ in it.
     *
     * @param lanes holds the vector
     * @param at index of its first lane
     */
    static double sum(float[] lanes, int at) {
        double sum = 0;
        for (int lane = 0; lane < LANES; lane++) {
            sum += lanes[at + lane];
        }
        return sum;
    }
}
