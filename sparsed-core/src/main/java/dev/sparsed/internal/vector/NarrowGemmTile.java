package dev.sparsed.internal.vector;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** {@link GemmTile} for processors with 16 vector registers: two vectors wide. */
final class NarrowGemmTile {

    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;

    private static final ByteOrder NATIVE = ByteOrder.nativeOrder();

    private static final int LANES = FLOATS.length();

    private NarrowGemmTile() {}

    /** As {@link GemmTile#multiplyAdd}. */
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
        FloatVector p0 = FloatVector.zero(FLOATS);
        FloatVector q0 = FloatVector.zero(FLOATS);
        FloatVector p1 = FloatVector.zero(FLOATS);
        FloatVector q1 = FloatVector.zero(FLOATS);
        FloatVector p2 = FloatVector.zero(FLOATS);
        FloatVector q2 = FloatVector.zero(FLOATS);
        FloatVector p3 = FloatVector.zero(FLOATS);
        FloatVector q3 = FloatVector.zero(FLOATS);
        FloatVector p4 = FloatVector.zero(FLOATS);
        FloatVector q4 = FloatVector.zero(FLOATS);
        FloatVector p5 = FloatVector.zero(FLOATS);
        FloatVector q5 = FloatVector.zero(FLOATS);
        for (int k = 0; k < depth; k++) {
            long row = (long) k * GemmTile.ROW_BYTES;
            FloatVector b0 = FloatVector.fromMemorySegment(FLOATS, b, row, NATIVE);
            FloatVector b1 = FloatVector.fromMemorySegment(FLOATS, b, row + GemmTile.VECTOR_BYTES, NATIVE);
            int at = aFrom + k * GemmTile.ROWS;
            FloatVector a0 = FloatVector.broadcast(FLOATS, a[at]);
            p0 = a0.fma(b0, p0);
            q0 = a0.fma(b1, q0);
            FloatVector a1 = FloatVector.broadcast(FLOATS, a[at + 1]);
            p1 = a1.fma(b0, p1);
            q1 = a1.fma(b1, q1);
            FloatVector a2 = FloatVector.broadcast(FLOATS, a[at + 2]);
            p2 = a2.fma(b0, p2);
            q2 = a2.fma(b1, q2);
            FloatVector a3 = FloatVector.broadcast(FLOATS, a[at + 3]);
            p3 = a3.fma(b0, p3);
            q3 = a3.fma(b1, q3);
            FloatVector a4 = FloatVector.broadcast(FLOATS, a[at + 4]);
            p4 = a4.fma(b0, p4);
            q4 = a4.fma(b1, q4);
            FloatVector a5 = FloatVector.broadcast(FLOATS, a[at + 5]);
            p5 = a5.fma(b0, p5);
            q5 = a5.fma(b1, q5);
        }
        FloatVector.fromArray(FLOATS, c, cFrom).add(p0).intoArray(to, toFrom);
        FloatVector.fromArray(FLOATS, c, cFrom + LANES).add(q0).intoArray(to, toFrom + LANES);
        int c1 = cFrom + GemmTile.WIDTH;
        int t1 = toFrom + toStride;
        FloatVector.fromArray(FLOATS, c, c1).add(p1).intoArray(to, t1);
        FloatVector.fromArray(FLOATS, c, c1 + LANES).add(q1).intoArray(to, t1 + LANES);
        int c2 = cFrom + 2 * GemmTile.WIDTH;
        int t2 = toFrom + 2 * toStride;
        FloatVector.fromArray(FLOATS, c, c2).add(p2).intoArray(to, t2);
        FloatVector.fromArray(FLOATS, c, c2 + LANES).add(q2).intoArray(to, t2 + LANES);
        int c3 = cFrom + 3 * GemmTile.WIDTH;
        int t3 = toFrom + 3 * toStride;
        FloatVector.fromArray(FLOATS, c, c3).add(p3).intoArray(to, t3);
        FloatVector.fromArray(FLOATS, c, c3 + LANES).add(q3).intoArray(to, t3 + LANES);
        int c4 = cFrom + 4 * GemmTile.WIDTH;
        int t4 = toFrom + 4 * toStride;
        FloatVector.fromArray(FLOATS, c, c4).add(p4).intoArray(to, t4);
        FloatVector.fromArray(FLOATS, c, c4 + LANES).add(q4).intoArray(to, t4 + LANES);
        int c5 = cFrom + 5 * GemmTile.WIDTH;
        int t5 = toFrom + 5 * toStride;
        FloatVector.fromArray(FLOATS, c, c5).add(p5).intoArray(to, t5);
        FloatVector.fromArray(FLOATS, c, c5 + LANES).add(q5).intoArray(to, t5 + LANES);
    }
}
