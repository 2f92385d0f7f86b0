package dev.sparsed.internal.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The innermost loops of {@link Gemm}: {@code c[i][j] += Σ_k a[i][k]·b[k][j]} for a tile of a few rows and {@link
 * #WIDTH} columns whose sums stay in registers. 24 sums (12 rows of two vectors) use 27 of 32 registers, 12 sums (6
 * rows) 15 of 16; the four-row tile is for the last rows and has the 8 independent sums that two FMA units of latency
 * 4 need.
 *
 * <p>All three read a row-major {@code a} with the constant row length {@link #A_STRIDE}, so that every operand is one
 * base register plus a constant.
 */
final class GemmTile {

    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;

    private static final int LANES = FLOATS.length();

    /** Columns of a tile: two vectors. */
    static final int WIDTH = 2 * LANES;

    /**
     * Terms summed up in registers before they are added to {@code c}. Fixed, because it decides how sums round; a
     * panel of {@code b} (32 KiB with 512-bit vectors) then fits the first-level cache.
     */
    static final int DEPTH = 256;

    /**
     * Row length of {@code a}: one cache line more than {@link #DEPTH}, or all rows would compete for the same cache
     * sets.
     */
    static final int A_STRIDE = DEPTH + 16;

    /** Rows of a full tile. AVX2 and SSE have 16 vector registers, AVX-512 and AArch64 have 32. */
    static final int ROWS = LANES >= 16 || System.getProperty("os.arch").equals("aarch64") ? 12 : 6;

    /** Rows of the tile that computes what a full one would waste. */
    static final int FEW_ROWS = 4;

    private GemmTile() {}

    /**
     * Multiplies one tile.
     *
     * @param rows how many of its rows are wanted, 1 … {@link #ROWS}; others may be computed as well
     * @param a {@code [ROWS, A_STRIDE]} from {@code aFrom}
     * @param aFrom index of its first element
     * @param b {@code [depth, WIDTH]} from 0
     * @param depth terms of each sum, 1 … {@link #DEPTH}
     * @param c {@code [ROWS, WIDTH]} from {@code cFrom}
     * @param cFrom index of its first element
     */
    static void multiplyAdd(int rows, float[] a, int aFrom, float[] b, int depth, float[] c, int cFrom) {
        if (rows <= FEW_ROWS) {
            fourRows(a, aFrom, b, depth, c, cFrom);
        } else if (ROWS == 6) {
            sixRows(a, aFrom, b, depth, c, cFrom);
        } else if (rows <= 2 * FEW_ROWS) {
            fourRows(a, aFrom, b, depth, c, cFrom);
            fourRows(a, aFrom + FEW_ROWS * A_STRIDE, b, depth, c, cFrom + FEW_ROWS * WIDTH);
        } else {
            twelveRows(a, aFrom, b, depth, c, cFrom);
        }
    }

    private static void twelveRows(float[] a, int aFrom, float[] b, int depth, float[] c, int cFrom) {
        FloatVector l0 = FloatVector.zero(FLOATS);
        FloatVector r0 = FloatVector.zero(FLOATS);
        FloatVector l1 = FloatVector.zero(FLOATS);
        FloatVector r1 = FloatVector.zero(FLOATS);
        FloatVector l2 = FloatVector.zero(FLOATS);
        FloatVector r2 = FloatVector.zero(FLOATS);
        FloatVector l3 = FloatVector.zero(FLOATS);
        FloatVector r3 = FloatVector.zero(FLOATS);
        FloatVector l4 = FloatVector.zero(FLOATS);
        FloatVector r4 = FloatVector.zero(FLOATS);
        FloatVector l5 = FloatVector.zero(FLOATS);
        FloatVector r5 = FloatVector.zero(FLOATS);
        FloatVector l6 = FloatVector.zero(FLOATS);
        FloatVector r6 = FloatVector.zero(FLOATS);
        FloatVector l7 = FloatVector.zero(FLOATS);
        FloatVector r7 = FloatVector.zero(FLOATS);
        FloatVector l8 = FloatVector.zero(FLOATS);
        FloatVector r8 = FloatVector.zero(FLOATS);
        FloatVector l9 = FloatVector.zero(FLOATS);
        FloatVector r9 = FloatVector.zero(FLOATS);
        FloatVector l10 = FloatVector.zero(FLOATS);
        FloatVector r10 = FloatVector.zero(FLOATS);
        FloatVector l11 = FloatVector.zero(FLOATS);
        FloatVector r11 = FloatVector.zero(FLOATS);
        for (int k = 0; k < depth; k++) {
            FloatVector left = FloatVector.fromArray(FLOATS, b, k * WIDTH);
            FloatVector right = FloatVector.fromArray(FLOATS, b, k * WIDTH + LANES);
            int at = aFrom + k;
            FloatVector a0 = FloatVector.broadcast(FLOATS, a[at]);
            l0 = a0.fma(left, l0);
            r0 = a0.fma(right, r0);
            FloatVector a1 = FloatVector.broadcast(FLOATS, a[at + A_STRIDE]);
            l1 = a1.fma(left, l1);
            r1 = a1.fma(right, r1);
            FloatVector a2 = FloatVector.broadcast(FLOATS, a[at + 2 * A_STRIDE]);
            l2 = a2.fma(left, l2);
            r2 = a2.fma(right, r2);
            FloatVector a3 = FloatVector.broadcast(FLOATS, a[at + 3 * A_STRIDE]);
            l3 = a3.fma(left, l3);
            r3 = a3.fma(right, r3);
            FloatVector a4 = FloatVector.broadcast(FLOATS, a[at + 4 * A_STRIDE]);
            l4 = a4.fma(left, l4);
            r4 = a4.fma(right, r4);
            FloatVector a5 = FloatVector.broadcast(FLOATS, a[at + 5 * A_STRIDE]);
            l5 = a5.fma(left, l5);
            r5 = a5.fma(right, r5);
            FloatVector a6 = FloatVector.broadcast(FLOATS, a[at + 6 * A_STRIDE]);
            l6 = a6.fma(left, l6);
            r6 = a6.fma(right, r6);
            FloatVector a7 = FloatVector.broadcast(FLOATS, a[at + 7 * A_STRIDE]);
            l7 = a7.fma(left, l7);
            r7 = a7.fma(right, r7);
            FloatVector a8 = FloatVector.broadcast(FLOATS, a[at + 8 * A_STRIDE]);
            l8 = a8.fma(left, l8);
            r8 = a8.fma(right, r8);
            FloatVector a9 = FloatVector.broadcast(FLOATS, a[at + 9 * A_STRIDE]);
            l9 = a9.fma(left, l9);
            r9 = a9.fma(right, r9);
            FloatVector a10 = FloatVector.broadcast(FLOATS, a[at + 10 * A_STRIDE]);
            l10 = a10.fma(left, l10);
            r10 = a10.fma(right, r10);
            FloatVector a11 = FloatVector.broadcast(FLOATS, a[at + 11 * A_STRIDE]);
            l11 = a11.fma(left, l11);
            r11 = a11.fma(right, r11);
        }
        FloatVector.fromArray(FLOATS, c, cFrom).add(l0).intoArray(c, cFrom);
        FloatVector.fromArray(FLOATS, c, cFrom + LANES).add(r0).intoArray(c, cFrom + LANES);
        FloatVector.fromArray(FLOATS, c, cFrom + WIDTH).add(l1).intoArray(c, cFrom + WIDTH);
        FloatVector.fromArray(FLOATS, c, cFrom + WIDTH + LANES).add(r1).intoArray(c, cFrom + WIDTH + LANES);
        FloatVector.fromArray(FLOATS, c, cFrom + 2 * WIDTH).add(l2).intoArray(c, cFrom + 2 * WIDTH);
        FloatVector.fromArray(FLOATS, c, cFrom + 2 * WIDTH + LANES).add(r2).intoArray(c, cFrom + 2 * WIDTH + LANES);
        FloatVector.fromArray(FLOATS, c, cFrom + 3 * WIDTH).add(l3).intoArray(c, cFrom + 3 * WIDTH);
        FloatVector.fromArray(FLOATS, c, cFrom + 3 * WIDTH + LANES).add(r3).intoArray(c, cFrom + 3 * WIDTH + LANES);
        FloatVector.fromArray(FLOATS, c, cFrom + 4 * WIDTH).add(l4).intoArray(c, cFrom + 4 * WIDTH);
        FloatVector.fromArray(FLOATS, c, cFrom + 4 * WIDTH + LANES).add(r4).intoArray(c, cFrom + 4 * WIDTH + LANES);
        FloatVector.fromArray(FLOATS, c, cFrom + 5 * WIDTH).add(l5).intoArray(c, cFrom + 5 * WIDTH);
        FloatVector.fromArray(FLOATS, c, cFrom + 5 * WIDTH + LANES).add(r5).intoArray(c, cFrom + 5 * WIDTH + LANES);
        FloatVector.fromArray(FLOATS, c, cFrom + 6 * WIDTH).add(l6).intoArray(c, cFrom + 6 * WIDTH);
        FloatVector.fromArray(FLOATS, c, cFrom + 6 * WIDTH + LANES).add(r6).intoArray(c, cFrom + 6 * WIDTH + LANES);
        FloatVector.fromArray(FLOATS, c, cFrom + 7 * WIDTH).add(l7).intoArray(c, cFrom + 7 * WIDTH);
        FloatVector.fromArray(FLOATS, c, cFrom + 7 * WIDTH + LANES).add(r7).intoArray(c, cFrom + 7 * WIDTH + LANES);
        FloatVector.fromArray(FLOATS, c, cFrom + 8 * WIDTH).add(l8).intoArray(c, cFrom + 8 * WIDTH);
        FloatVector.fromArray(FLOATS, c, cFrom + 8 * WIDTH + LANES).add(r8).intoArray(c, cFrom + 8 * WIDTH + LANES);
        FloatVector.fromArray(FLOATS, c, cFrom + 9 * WIDTH).add(l9).intoArray(c, cFrom + 9 * WIDTH);
        FloatVector.fromArray(FLOATS, c, cFrom + 9 * WIDTH + LANES).add(r9).intoArray(c, cFrom + 9 * WIDTH + LANES);
        FloatVector.fromArray(FLOATS, c, cFrom + 10 * WIDTH).add(l10).intoArray(c, cFrom + 10 * WIDTH);
        FloatVector.fromArray(FLOATS, c, cFrom + 10 * WIDTH + LANES).add(r10).intoArray(c, cFrom + 10 * WIDTH + LANES);
        FloatVector.fromArray(FLOATS, c, cFrom + 11 * WIDTH).add(l11).intoArray(c, cFrom + 11 * WIDTH);
        FloatVector.fromArray(FLOATS, c, cFrom + 11 * WIDTH + LANES).add(r11).intoArray(c, cFrom + 11 * WIDTH + LANES);
    }

    private static void sixRows(float[] a, int aFrom, float[] b, int depth, float[] c, int cFrom) {
        FloatVector l0 = FloatVector.zero(FLOATS);
        FloatVector r0 = FloatVector.zero(FLOATS);
        FloatVector l1 = FloatVector.zero(FLOATS);
        FloatVector r1 = FloatVector.zero(FLOATS);
        FloatVector l2 = FloatVector.zero(FLOATS);
        FloatVector r2 = FloatVector.zero(FLOATS);
        FloatVector l3 = FloatVector.zero(FLOATS);
        FloatVector r3 = FloatVector.zero(FLOATS);
        FloatVector l4 = FloatVector.zero(FLOATS);
        FloatVector r4 = FloatVector.zero(FLOATS);
        FloatVector l5 = FloatVector.zero(FLOATS);
        FloatVector r5 = FloatVector.zero(FLOATS);
        for (int k = 0; k < depth; k++) {
            FloatVector left = FloatVector.fromArray(FLOATS, b, k * WIDTH);
            FloatVector right = FloatVector.fromArray(FLOATS, b, k * WIDTH + LANES);
            int at = aFrom + k;
            FloatVector a0 = FloatVector.broadcast(FLOATS, a[at]);
            l0 = a0.fma(left, l0);
            r0 = a0.fma(right, r0);
            FloatVector a1 = FloatVector.broadcast(FLOATS, a[at + A_STRIDE]);
            l1 = a1.fma(left, l1);
            r1 = a1.fma(right, r1);
            FloatVector a2 = FloatVector.broadcast(FLOATS, a[at + 2 * A_STRIDE]);
            l2 = a2.fma(left, l2);
            r2 = a2.fma(right, r2);
            FloatVector a3 = FloatVector.broadcast(FLOATS, a[at + 3 * A_STRIDE]);
            l3 = a3.fma(left, l3);
            r3 = a3.fma(right, r3);
            FloatVector a4 = FloatVector.broadcast(FLOATS, a[at + 4 * A_STRIDE]);
            l4 = a4.fma(left, l4);
            r4 = a4.fma(right, r4);
            FloatVector a5 = FloatVector.broadcast(FLOATS, a[at + 5 * A_STRIDE]);
            l5 = a5.fma(left, l5);
            r5 = a5.fma(right, r5);
        }
        FloatVector.fromArray(FLOATS, c, cFrom).add(l0).intoArray(c, cFrom);
        FloatVector.fromArray(FLOATS, c, cFrom + LANES).add(r0).intoArray(c, cFrom + LANES);
        FloatVector.fromArray(FLOATS, c, cFrom + WIDTH).add(l1).intoArray(c, cFrom + WIDTH);
        FloatVector.fromArray(FLOATS, c, cFrom + WIDTH + LANES).add(r1).intoArray(c, cFrom + WIDTH + LANES);
        FloatVector.fromArray(FLOATS, c, cFrom + 2 * WIDTH).add(l2).intoArray(c, cFrom + 2 * WIDTH);
        FloatVector.fromArray(FLOATS, c, cFrom + 2 * WIDTH + LANES).add(r2).intoArray(c, cFrom + 2 * WIDTH + LANES);
        FloatVector.fromArray(FLOATS, c, cFrom + 3 * WIDTH).add(l3).intoArray(c, cFrom + 3 * WIDTH);
        FloatVector.fromArray(FLOATS, c, cFrom + 3 * WIDTH + LANES).add(r3).intoArray(c, cFrom + 3 * WIDTH + LANES);
        FloatVector.fromArray(FLOATS, c, cFrom + 4 * WIDTH).add(l4).intoArray(c, cFrom + 4 * WIDTH);
        FloatVector.fromArray(FLOATS, c, cFrom + 4 * WIDTH + LANES).add(r4).intoArray(c, cFrom + 4 * WIDTH + LANES);
        FloatVector.fromArray(FLOATS, c, cFrom + 5 * WIDTH).add(l5).intoArray(c, cFrom + 5 * WIDTH);
        FloatVector.fromArray(FLOATS, c, cFrom + 5 * WIDTH + LANES).add(r5).intoArray(c, cFrom + 5 * WIDTH + LANES);
    }

    private static void fourRows(float[] a, int aFrom, float[] b, int depth, float[] c, int cFrom) {
        FloatVector l0 = FloatVector.zero(FLOATS);
        FloatVector r0 = FloatVector.zero(FLOATS);
        FloatVector l1 = FloatVector.zero(FLOATS);
        FloatVector r1 = FloatVector.zero(FLOATS);
        FloatVector l2 = FloatVector.zero(FLOATS);
        FloatVector r2 = FloatVector.zero(FLOATS);
        FloatVector l3 = FloatVector.zero(FLOATS);
        FloatVector r3 = FloatVector.zero(FLOATS);
        for (int k = 0; k < depth; k++) {
            FloatVector left = FloatVector.fromArray(FLOATS, b, k * WIDTH);
            FloatVector right = FloatVector.fromArray(FLOATS, b, k * WIDTH + LANES);
            int at = aFrom + k;
            FloatVector a0 = FloatVector.broadcast(FLOATS, a[at]);
            l0 = a0.fma(left, l0);
            r0 = a0.fma(right, r0);
            FloatVector a1 = FloatVector.broadcast(FLOATS, a[at + A_STRIDE]);
            l1 = a1.fma(left, l1);
            r1 = a1.fma(right, r1);
            FloatVector a2 = FloatVector.broadcast(FLOATS, a[at + 2 * A_STRIDE]);
            l2 = a2.fma(left, l2);
            r2 = a2.fma(right, r2);
            FloatVector a3 = FloatVector.broadcast(FLOATS, a[at + 3 * A_STRIDE]);
            l3 = a3.fma(left, l3);
            r3 = a3.fma(right, r3);
        }
        FloatVector.fromArray(FLOATS, c, cFrom).add(l0).intoArray(c, cFrom);
        FloatVector.fromArray(FLOATS, c, cFrom + LANES).add(r0).intoArray(c, cFrom + LANES);
        FloatVector.fromArray(FLOATS, c, cFrom + WIDTH).add(l1).intoArray(c, cFrom + WIDTH);
        FloatVector.fromArray(FLOATS, c, cFrom + WIDTH + LANES).add(r1).intoArray(c, cFrom + WIDTH + LANES);
        FloatVector.fromArray(FLOATS, c, cFrom + 2 * WIDTH).add(l2).intoArray(c, cFrom + 2 * WIDTH);
        FloatVector.fromArray(FLOATS, c, cFrom + 2 * WIDTH + LANES).add(r2).intoArray(c, cFrom + 2 * WIDTH + LANES);
        FloatVector.fromArray(FLOATS, c, cFrom + 3 * WIDTH).add(l3).intoArray(c, cFrom + 3 * WIDTH);
        FloatVector.fromArray(FLOATS, c, cFrom + 3 * WIDTH + LANES).add(r3).intoArray(c, cFrom + 3 * WIDTH + LANES);
    }
}
