package dev.sparsed.internal.vector;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The innermost loops of {@link Gemm}: {@code c[i][j] + Σ_k a[i][k]·b[k][j]} for a tile of {@link #ROWS} rows and
 * {@link #WIDTH} columns whose sums stay in registers: 24 sums, four vectors of {@code b} and one element of {@code a}
 * use 29 of 32 registers; 12 sums, 15 of 16. The tile is as square as that allows, because two loads per cycle feed two
 * multiply-adds: 6 × 4 vectors need 10 loads for 24 of them, 12 × 2 vectors 14.
 *
 * <p>A load of 64 bytes that crosses a cache line counts twice, and arrays begin 16 bytes after such a line at best:
 * {@code b} lies in native memory. {@code a} holds the elements of a column side by side: one stream of memory, which the
 * processor fetches ahead from the third-level cache. Of six rows a kilobyte apart, all of which reach the next cache line
 * at the same time, it does not.
 */
final class GemmTile {

    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;

    private static final ByteOrder NATIVE = ByteOrder.nativeOrder();

    private static final int LANES = FLOATS.length();

    /** AVX2 and SSE have 16 vector registers, AVX-512 and AArch64 have 32. */
    private static final boolean MANY_REGISTERS =
            LANES >= 16 || System.getProperty("os.arch").equals("aarch64");

    /** Columns of a tile: four vectors, or two. */
    static final int WIDTH = (MANY_REGISTERS ? 4 : 2) * LANES;

    /** Rows of a tile. */
    static final int ROWS = 6;

    /**
     * Terms summed up in registers before they are added to {@code c}. Fixed, because it decides how sums round. A
     * panel of {@code b} has 64 KiB with 512-bit vectors and comes from the second-level cache; with half the depth it
     * would fit the first level, and is no faster.
     */
    static final int DEPTH = 256;

    static final long VECTOR_BYTES = FLOATS.vectorByteSize();

    static final long ROW_BYTES = (long) WIDTH * Float.BYTES;

    private static final long CACHE_LINE = 64;

    private GemmTile() {}

    /** {@return a panel of {@code b}, {@code [DEPTH, WIDTH]}} */
    static MemorySegment newPanel() {
        return Arena.ofAuto().allocate(DEPTH * ROW_BYTES, CACHE_LINE);
    }

    /**
     * Multiplies one tile.
     *
     * @param a {@code [depth, ROWS]} from {@code aFrom}
     * @param aFrom index of its first element
     * @param b {@code [depth, WIDTH]}, from {@link #newPanel}
     * @param depth terms of each sum, 1 … {@link #DEPTH}
     * @param c {@code [ROWS, WIDTH]} from {@code cFrom}
     * @param cFrom index of its first element
     * @param to receives the result, {@code [ROWS, WIDTH]} with a distance of {@code toStride} between rows; may be
     *     {@code c}
     * @param toFrom index of its first element
     * @param toStride at least {@link #WIDTH}
     */
    static void multiplyAdd(
            float[] a,
            int aFrom,
            MemorySegment b,
            int depth,
            float[] c,
            int cFrom,
            float[] to,
            int toFrom,
            int toStride) {
        if (MANY_REGISTERS) {
            sixRowsOfFour(a, aFrom, b, depth, c, cFrom, to, toFrom, toStride);
        } else {
            NarrowGemmTile.multiplyAdd(a, aFrom, b, depth, c, cFrom, to, toFrom, toStride);
        }
    }

    private static void sixRowsOfFour(
            float[] a,
            int aFrom,
            MemorySegment b,
            int depth,
            float[] c,
            int cFrom,
            float[] to,
            int toFrom,
            int toStride) {
        FloatVector p0 = FloatVector.zero(FLOATS);
        FloatVector q0 = FloatVector.zero(FLOATS);
        FloatVector r0 = FloatVector.zero(FLOATS);
        FloatVector s0 = FloatVector.zero(FLOATS);
        FloatVector p1 = FloatVector.zero(FLOATS);
        FloatVector q1 = FloatVector.zero(FLOATS);
        FloatVector r1 = FloatVector.zero(FLOATS);
        FloatVector s1 = FloatVector.zero(FLOATS);
        FloatVector p2 = FloatVector.zero(FLOATS);
        FloatVector q2 = FloatVector.zero(FLOATS);
        FloatVector r2 = FloatVector.zero(FLOATS);
        FloatVector s2 = FloatVector.zero(FLOATS);
        FloatVector p3 = FloatVector.zero(FLOATS);
        FloatVector q3 = FloatVector.zero(FLOATS);
        FloatVector r3 = FloatVector.zero(FLOATS);
        FloatVector s3 = FloatVector.zero(FLOATS);
        FloatVector p4 = FloatVector.zero(FLOATS);
        FloatVector q4 = FloatVector.zero(FLOATS);
        FloatVector r4 = FloatVector.zero(FLOATS);
        FloatVector s4 = FloatVector.zero(FLOATS);
        FloatVector p5 = FloatVector.zero(FLOATS);
        FloatVector q5 = FloatVector.zero(FLOATS);
        FloatVector r5 = FloatVector.zero(FLOATS);
        FloatVector s5 = FloatVector.zero(FLOATS);
        for (int k = 0; k < depth; k++) {
            long row = (long) k * ROW_BYTES;
            FloatVector b0 = FloatVector.fromMemorySegment(FLOATS, b, row, NATIVE);
            FloatVector b1 = FloatVector.fromMemorySegment(FLOATS, b, row + VECTOR_BYTES, NATIVE);
            FloatVector b2 = FloatVector.fromMemorySegment(FLOATS, b, row + 2 * VECTOR_BYTES, NATIVE);
            FloatVector b3 = FloatVector.fromMemorySegment(FLOATS, b, row + 3 * VECTOR_BYTES, NATIVE);
            int at = aFrom + k * ROWS;
            FloatVector a0 = FloatVector.broadcast(FLOATS, a[at]);
            p0 = a0.fma(b0, p0);
            q0 = a0.fma(b1, q0);
            r0 = a0.fma(b2, r0);
            s0 = a0.fma(b3, s0);
            FloatVector a1 = FloatVector.broadcast(FLOATS, a[at + 1]);
            p1 = a1.fma(b0, p1);
            q1 = a1.fma(b1, q1);
            r1 = a1.fma(b2, r1);
            s1 = a1.fma(b3, s1);
            FloatVector a2 = FloatVector.broadcast(FLOATS, a[at + 2]);
            p2 = a2.fma(b0, p2);
            q2 = a2.fma(b1, q2);
            r2 = a2.fma(b2, r2);
            s2 = a2.fma(b3, s2);
            FloatVector a3 = FloatVector.broadcast(FLOATS, a[at + 3]);
            p3 = a3.fma(b0, p3);
            q3 = a3.fma(b1, q3);
            r3 = a3.fma(b2, r3);
            s3 = a3.fma(b3, s3);
            FloatVector a4 = FloatVector.broadcast(FLOATS, a[at + 4]);
            p4 = a4.fma(b0, p4);
            q4 = a4.fma(b1, q4);
            r4 = a4.fma(b2, r4);
            s4 = a4.fma(b3, s4);
            FloatVector a5 = FloatVector.broadcast(FLOATS, a[at + 5]);
            p5 = a5.fma(b0, p5);
            q5 = a5.fma(b1, q5);
            r5 = a5.fma(b2, r5);
            s5 = a5.fma(b3, s5);
        }
        FloatVector.fromArray(FLOATS, c, cFrom).add(p0).intoArray(to, toFrom);
        FloatVector.fromArray(FLOATS, c, cFrom + LANES).add(q0).intoArray(to, toFrom + LANES);
        FloatVector.fromArray(FLOATS, c, cFrom + 2 * LANES).add(r0).intoArray(to, toFrom + 2 * LANES);
        FloatVector.fromArray(FLOATS, c, cFrom + 3 * LANES).add(s0).intoArray(to, toFrom + 3 * LANES);
        int c1 = cFrom + WIDTH;
        int t1 = toFrom + toStride;
        FloatVector.fromArray(FLOATS, c, c1).add(p1).intoArray(to, t1);
        FloatVector.fromArray(FLOATS, c, c1 + LANES).add(q1).intoArray(to, t1 + LANES);
        FloatVector.fromArray(FLOATS, c, c1 + 2 * LANES).add(r1).intoArray(to, t1 + 2 * LANES);
        FloatVector.fromArray(FLOATS, c, c1 + 3 * LANES).add(s1).intoArray(to, t1 + 3 * LANES);
        int c2 = cFrom + 2 * WIDTH;
        int t2 = toFrom + 2 * toStride;
        FloatVector.fromArray(FLOATS, c, c2).add(p2).intoArray(to, t2);
        FloatVector.fromArray(FLOATS, c, c2 + LANES).add(q2).intoArray(to, t2 + LANES);
        FloatVector.fromArray(FLOATS, c, c2 + 2 * LANES).add(r2).intoArray(to, t2 + 2 * LANES);
        FloatVector.fromArray(FLOATS, c, c2 + 3 * LANES).add(s2).intoArray(to, t2 + 3 * LANES);
        int c3 = cFrom + 3 * WIDTH;
        int t3 = toFrom + 3 * toStride;
        FloatVector.fromArray(FLOATS, c, c3).add(p3).intoArray(to, t3);
        FloatVector.fromArray(FLOATS, c, c3 + LANES).add(q3).intoArray(to, t3 + LANES);
        FloatVector.fromArray(FLOATS, c, c3 + 2 * LANES).add(r3).intoArray(to, t3 + 2 * LANES);
        FloatVector.fromArray(FLOATS, c, c3 + 3 * LANES).add(s3).intoArray(to, t3 + 3 * LANES);
        int c4 = cFrom + 4 * WIDTH;
        int t4 = toFrom + 4 * toStride;
        FloatVector.fromArray(FLOATS, c, c4).add(p4).intoArray(to, t4);
        FloatVector.fromArray(FLOATS, c, c4 + LANES).add(q4).intoArray(to, t4 + LANES);
        FloatVector.fromArray(FLOATS, c, c4 + 2 * LANES).add(r4).intoArray(to, t4 + 2 * LANES);
        FloatVector.fromArray(FLOATS, c, c4 + 3 * LANES).add(s4).intoArray(to, t4 + 3 * LANES);
        int c5 = cFrom + 5 * WIDTH;
        int t5 = toFrom + 5 * toStride;
        FloatVector.fromArray(FLOATS, c, c5).add(p5).intoArray(to, t5);
        FloatVector.fromArray(FLOATS, c, c5 + LANES).add(q5).intoArray(to, t5 + LANES);
        FloatVector.fromArray(FLOATS, c, c5 + 2 * LANES).add(r5).intoArray(to, t5 + 2 * LANES);
        FloatVector.fromArray(FLOATS, c, c5 + 3 * LANES).add(s5).intoArray(to, t5 + 3 * LANES);
    }
}
