package dev.sparsed.internal.vector;

import java.util.Arrays;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * One stage of the transposition of a square of L vectors of L lanes: swaps, in every 2 × 2 block of elements at a
 * distance, the two off the diagonal. Stages of the distances 1, 2, 4 … L/2, in any order, transpose the square.
 *
 * @param <E> type of a lane
 * @param distance how far elements move, a power of two
 * @param up lane i reads lane i − distance
 * @param down lane i reads lane i + distance
 * @param upper the lanes whose number has the distance's bit set
 */
record TransposeStage<E>(int distance, VectorShuffle<E> up, VectorShuffle<E> down, VectorMask<E> upper) {

    /**
     * {@return all stages; stage s has the distance 2ˢ}
     *
     * @param species the vectors
     */
    @SuppressWarnings("unchecked")
    static <E> TransposeStage<E>[] all(VectorSpecies<E> species) {
        TransposeStage<E>[] stages =
                (TransposeStage<E>[]) new TransposeStage<?>[Integer.numberOfTrailingZeros(species.length())];
        Arrays.setAll(stages, s -> of(species, 1 << s));
        return stages;
    }

    private static <E> TransposeStage<E> of(VectorSpecies<E> species, int distance) {
        int lanes = species.length();
        long bits = 0;
        for (int lane = 0; lane < lanes; lane++) {
            bits |= (lane & distance) == 0 ? 0L : 1L << lane;
        }
        return new TransposeStage<>(
                distance,
                VectorShuffle.fromOp(species, lane -> lane - distance & lanes - 1),
                VectorShuffle.fromOp(species, lane -> lane + distance & lanes - 1),
                VectorMask.fromLong(species, bits));
    }
}
