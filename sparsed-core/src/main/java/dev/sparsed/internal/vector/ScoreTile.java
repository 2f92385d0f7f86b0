package dev.sparsed.internal.vector;

import static dev.sparsed.internal.vector.PanelList.LANES;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/**
 * Scores of a tile: up to {@link #QUERY_TILE} query rows by up to {@link #KEY_TILE} keys, {@code S = log₂e·Q·Kᵀ/√D}, stored
 * {@code [QUERY_TILE][KEY_TILE]}. A score depends on its query and its key alone: Σ over the features in ascending
 * order, by fused multiply-add from zero.
 */
final class ScoreTile {

    /**
     * Keys of a tile. A multiple of two vectors of any width up to 2048 bits; 128 × D = 64 floats of values fit in an
     * L1 cache.
     */
    static final int KEY_TILE = 128;

    /** Panels of a tile. */
    static final int TILE_PANELS = KEY_TILE / LANES;

    /** Most query rows of a tile: 64 × {@link #KEY_TILE} scores are 32 KiB. */
    static final int QUERY_TILE = 64;

    /** Query rows of a register tile; query tiles are padded to whole ones. */
    static final int GROUP = 4;

    /** Whether there are the 32 vector registers that a tile of 4 × 4 vectors needs; 16 are enough for 4 × 2. */
    static final boolean WIDE =
            FloatVector.SPECIES_PREFERRED.vectorBitSize() >= 512 || "aarch64".equals(System.getProperty("os.arch"));

    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;

    private ScoreTile() {}

    /** {@return {@code rows} rounded up to whole register tiles} */
    static int paddedRows(int rows) {
        return Math.ceilDiv(rows, GROUP) * GROUP;
    }

    /** {@return D rounded up to an even number: the kernels take two features per loop turn} */
    static int evenDim(int headDim) {
        return headDim + (headDim & 1);
    }

    /**
     * Computes the scores of a tile; those of keys that do not count become −∞.
     *
     * @param queries as {@link QueryTiles#pack} left them
     * @param rows query rows, a multiple of {@link #GROUP}
     * @param keys packed keys
     * @param head where the keys of the head begin
     * @param dim features of packed queries and keys, {@code evenDim(D)}
     * @param list which keys
     * @param from first panel of the tile in the list
     * @param count panels of the tile, even, 2 … {@link #TILE_PANELS}
     * @param scores {@code [QUERY_TILE][KEY_TILE]}
     */
    static void compute(
            float[] queries,
            int rows,
            float[] keys,
            int head,
            int dim,
            PanelList list,
            int from,
            int count,
            float[] scores) {
        int[] panels = list.panels();
        int size = dim * LANES;
        int panel = 0;
        if (WIDE) {
            for (; panel + 4 <= count; panel += 4) {
                int k0 = head + panels[from + panel] * size;
                int k1 = head + panels[from + panel + 1] * size;
                int k2 = head + panels[from + panel + 2] * size;
                int k3 = head + panels[from + panel + 3] * size;
                for (int row = 0; row < rows; row += GROUP) {
                    multiply4(queries, row * dim, keys, k0, k1, k2, k3, dim, scores, row * KEY_TILE + panel * LANES);
                }
            }
        }
        for (; panel < count; panel += 2) {
            int k0 = head + panels[from + panel] * size;
            int k1 = head + panels[from + panel + 1] * size;
            for (int row = 0; row < rows; row += GROUP) {
                multiply2(queries, row * dim, keys, k0, k1, dim, scores, row * KEY_TILE + panel * LANES);
            }
        }
        FloatVector minusInfinity = FloatVector.broadcast(SPECIES, Float.NEGATIVE_INFINITY);
        for (int i = 0; i < count; i++) {
            if (list.bits(from + i) != PanelList.ALL) {
                VectorMask<Float> counts = VectorMask.fromLong(SPECIES, list.bits(from + i));
                for (int at = i * LANES; at < rows * KEY_TILE; at += KEY_TILE) {
                    minusInfinity
                            .blend(FloatVector.fromArray(SPECIES, scores, at), counts)
                            .intoArray(scores, at);
                }
            }
        }
    }

    /** 4 rows × 4 panels. */
    private static void multiply4(
            float[] q, int at, float[] k, int k0, int k1, int k2, int k3, int dim, float[] scores, int to) {
        FloatVector s00 = FloatVector.zero(SPECIES);
        FloatVector s01 = s00;
        FloatVector s02 = s00;
        FloatVector s03 = s00;
        FloatVector s10 = s00;
        FloatVector s11 = s00;
        FloatVector s12 = s00;
        FloatVector s13 = s00;
        FloatVector s20 = s00;
        FloatVector s21 = s00;
        FloatVector s22 = s00;
        FloatVector s23 = s00;
        FloatVector s30 = s00;
        FloatVector s31 = s00;
        FloatVector s32 = s00;
        FloatVector s33 = s00;
        for (int d = 0; d < dim; d += 2) {
            FloatVector x0 = FloatVector.fromArray(SPECIES, k, k0 + d * LANES);
            FloatVector x1 = FloatVector.fromArray(SPECIES, k, k1 + d * LANES);
            FloatVector x2 = FloatVector.fromArray(SPECIES, k, k2 + d * LANES);
            FloatVector x3 = FloatVector.fromArray(SPECIES, k, k3 + d * LANES);
            FloatVector y = FloatVector.broadcast(SPECIES, q[at + d * GROUP]);
            s00 = x0.fma(y, s00);
            s01 = x1.fma(y, s01);
            s02 = x2.fma(y, s02);
            s03 = x3.fma(y, s03);
            y = FloatVector.broadcast(SPECIES, q[at + d * GROUP + 1]);
            s10 = x0.fma(y, s10);
            s11 = x1.fma(y, s11);
            s12 = x2.fma(y, s12);
            s13 = x3.fma(y, s13);
            y = FloatVector.broadcast(SPECIES, q[at + d * GROUP + 2]);
            s20 = x0.fma(y, s20);
            s21 = x1.fma(y, s21);
            s22 = x2.fma(y, s22);
            s23 = x3.fma(y, s23);
            y = FloatVector.broadcast(SPECIES, q[at + d * GROUP + 3]);
            s30 = x0.fma(y, s30);
            s31 = x1.fma(y, s31);
            s32 = x2.fma(y, s32);
            s33 = x3.fma(y, s33);
            x0 = FloatVector.fromArray(SPECIES, k, k0 + (d + 1) * LANES);
            x1 = FloatVector.fromArray(SPECIES, k, k1 + (d + 1) * LANES);
            x2 = FloatVector.fromArray(SPECIES, k, k2 + (d + 1) * LANES);
            x3 = FloatVector.fromArray(SPECIES, k, k3 + (d + 1) * LANES);
            y = FloatVector.broadcast(SPECIES, q[at + (d + 1) * GROUP]);
            s00 = x0.fma(y, s00);
            s01 = x1.fma(y, s01);
            s02 = x2.fma(y, s02);
            s03 = x3.fma(y, s03);
            y = FloatVector.broadcast(SPECIES, q[at + (d + 1) * GROUP + 1]);
            s10 = x0.fma(y, s10);
            s11 = x1.fma(y, s11);
            s12 = x2.fma(y, s12);
            s13 = x3.fma(y, s13);
            y = FloatVector.broadcast(SPECIES, q[at + (d + 1) * GROUP + 2]);
            s20 = x0.fma(y, s20);
            s21 = x1.fma(y, s21);
            s22 = x2.fma(y, s22);
            s23 = x3.fma(y, s23);
            y = FloatVector.broadcast(SPECIES, q[at + (d + 1) * GROUP + 3]);
            s30 = x0.fma(y, s30);
            s31 = x1.fma(y, s31);
            s32 = x2.fma(y, s32);
            s33 = x3.fma(y, s33);
        }
        s00.intoArray(scores, to);
        s01.intoArray(scores, to + LANES);
        s02.intoArray(scores, to + 2 * LANES);
        s03.intoArray(scores, to + 3 * LANES);
        s10.intoArray(scores, to + KEY_TILE);
        s11.intoArray(scores, to + KEY_TILE + LANES);
        s12.intoArray(scores, to + KEY_TILE + 2 * LANES);
        s13.intoArray(scores, to + KEY_TILE + 3 * LANES);
        s20.intoArray(scores, to + 2 * KEY_TILE);
        s21.intoArray(scores, to + 2 * KEY_TILE + LANES);
        s22.intoArray(scores, to + 2 * KEY_TILE + 2 * LANES);
        s23.intoArray(scores, to + 2 * KEY_TILE + 3 * LANES);
        s30.intoArray(scores, to + 3 * KEY_TILE);
        s31.intoArray(scores, to + 3 * KEY_TILE + LANES);
        s32.intoArray(scores, to + 3 * KEY_TILE + 2 * LANES);
        s33.intoArray(scores, to + 3 * KEY_TILE + 3 * LANES);
    }

    /** 4 rows × 2 panels. */
    private static void multiply2(float[] q, int at, float[] k, int k0, int k1, int dim, float[] scores, int to) {
        FloatVector s00 = FloatVector.zero(SPECIES);
        FloatVector s01 = s00;
        FloatVector s10 = s00;
        FloatVector s11 = s00;
        FloatVector s20 = s00;
        FloatVector s21 = s00;
        FloatVector s30 = s00;
        FloatVector s31 = s00;
        for (int d = 0; d < dim; d++) {
            FloatVector x0 = FloatVector.fromArray(SPECIES, k, k0 + d * LANES);
            FloatVector x1 = FloatVector.fromArray(SPECIES, k, k1 + d * LANES);
            FloatVector y = FloatVector.broadcast(SPECIES, q[at + d * GROUP]);
            s00 = x0.fma(y, s00);
            s01 = x1.fma(y, s01);
            y = FloatVector.broadcast(SPECIES, q[at + d * GROUP + 1]);
            s10 = x0.fma(y, s10);
            s11 = x1.fma(y, s11);
            y = FloatVector.broadcast(SPECIES, q[at + d * GROUP + 2]);
            s20 = x0.fma(y, s20);
            s21 = x1.fma(y, s21);
            y = FloatVector.broadcast(SPECIES, q[at + d * GROUP + 3]);
            s30 = x0.fma(y, s30);
            s31 = x1.fma(y, s31);
        }
        s00.intoArray(scores, to);
        s01.intoArray(scores, to + LANES);
        s10.intoArray(scores, to + KEY_TILE);
        s11.intoArray(scores, to + KEY_TILE + LANES);
        s20.intoArray(scores, to + 2 * KEY_TILE);
        s21.intoArray(scores, to + 2 * KEY_TILE + LANES);
        s30.intoArray(scores, to + 3 * KEY_TILE);
        s31.intoArray(scores, to + 3 * KEY_TILE + LANES);
    }
}
