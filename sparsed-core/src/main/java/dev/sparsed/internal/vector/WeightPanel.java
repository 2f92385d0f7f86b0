package dev.sparsed.internal.vector;

import dev.sparsed.internal.cpu.Weights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Packs {@link GemmTile#WIDTH} rows of a weight matrix for {@link GemmTile}: transposed and widened to float32, so that
 * {@code panel[k][j] = w[firstRow + j][from + k]}.
 *
 * <p>Squares of L × L 32-bit lanes are transposed. With 16-bit weights a lane holds two neighbours, which are only
 * taken apart after the transposition: half the shuffles per weight.
 */
final class WeightPanel {

    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;

    private static final int LANES = INTS.length();

    private static final long VECTOR_BYTES = INTS.vectorByteSize();

    /** From one row of a panel to the next. */
    private static final long ROW_BYTES = (long) GemmTile.WIDTH * Float.BYTES;

    private static final ByteOrder NATIVE = ByteOrder.nativeOrder();

    private static final int STAGES = Integer.numberOfTrailingZeros(LANES);

    private static final TransposeStage<Integer>[] TRANSPOSITION = TransposeStage.all(INTS);

    private WeightPanel() {}

    /** Scratch of {@link #pack}: the squares of L rows and {@link GemmTile#DEPTH} columns, of the widest type. */
    static MemorySegment newSquares() {
        return Arena.ofAuto().allocate(VECTOR_BYTES * GemmTile.DEPTH, VECTOR_BYTES);
    }

    /**
     * Packs one panel.
     *
     * @param w the weights
     * @param firstRow first row of the panel; rows past the last one of {@code w} repeat it
     * @param from first column
     * @param depth how many columns, at most {@link GemmTile#DEPTH}
     * @param panel receives {@code [depth, WIDTH]}, from {@link GemmTile#newPanel}
     * @param squares scratch, from {@link #newSquares}
     */
    static void pack(Weights w, int firstRow, int from, int depth, MemorySegment panel, MemorySegment squares) {
        int bytes = w.dtype().bytes();
        int squareDepth = LANES * Integer.BYTES / bytes;
        int count = depth / squareDepth;
        for (int column = 0; column < GemmTile.WIDTH; column += LANES) {
            int row = firstRow + column;
            for (int quad = 0; quad < LANES; quad += 4) {
                loadQuad(w, row + quad, (long) from * bytes, squares, quad * VECTOR_BYTES, count);
            }
            if (STAGES == 3) {
                oneStage(squares, count * LANES / 2, TRANSPOSITION[2]);
            } else if (STAGES == 4) {
                twoStages(squares, count * LANES / 4, TRANSPOSITION[2], TRANSPOSITION[3]);
            }
            long to = (long) column * Float.BYTES;
            switch (w.dtype()) {
                case F32 -> copy(squares, count * LANES, panel, to);
                case BF16 -> widenBfloat16(squares, count * LANES, panel, to);
                case F16 -> widenFloat16(squares, count * LANES, panel, to);
                case I64, U8 -> throw new IllegalStateException("not a weight type: " + w.dtype());
            }
            packLast(w, row, from, count * squareDepth, depth, panel, to);
        }
    }

    /** The columns that fill no square, one by one. */
    private static void packLast(Weights w, int row, int from, int begin, int depth, MemorySegment panel, long to) {
        for (int k = begin; k < depth; k++) {
            for (int j = 0; j < LANES; j++) {
                float value = w.get((long) existing(w, row + j) * w.columns() + from + k);
                panel.set(ValueLayout.JAVA_FLOAT, to + k * ROW_BYTES + (long) j * Float.BYTES, value);
            }
        }
    }

    private static int existing(Weights w, int row) {
        return Math.min(row, w.rows() - 1);
    }

    /**
     * Rows {@code row … row + 3} of the weights become four neighbours of every square, after the first two stages of
     * its transposition ({@link TransposeStage}).
     *
     * <p>{@link Transposition} does the same to floats in arrays. Here they are integers in native memory, and C2 boxes
     * vectors that a helper of both would take and give back.
     */
    private static void loadQuad(Weights w, int row, long rowOffset, MemorySegment squares, long to, int count) {
        MemorySegment data = w.data();
        long rowBytes = (long) w.columns() * w.dtype().bytes();
        long from0 = existing(w, row) * rowBytes + rowOffset;
        long from1 = existing(w, row + 1) * rowBytes + rowOffset;
        long from2 = existing(w, row + 2) * rowBytes + rowOffset;
        long from3 = existing(w, row + 3) * rowBytes + rowOffset;
        VectorShuffle<Integer> up1 = TRANSPOSITION[0].up();
        VectorShuffle<Integer> down1 = TRANSPOSITION[0].down();
        VectorMask<Integer> upper1 = TRANSPOSITION[0].upper();
        VectorShuffle<Integer> up2 = TRANSPOSITION[1].up();
        VectorShuffle<Integer> down2 = TRANSPOSITION[1].down();
        VectorMask<Integer> upper2 = TRANSPOSITION[1].upper();
        for (int square = 0; square < count; square++) {
            long from = square * VECTOR_BYTES;
            IntVector r0 = IntVector.fromMemorySegment(INTS, data, from0 + from, ByteOrder.LITTLE_ENDIAN);
            IntVector r1 = IntVector.fromMemorySegment(INTS, data, from1 + from, ByteOrder.LITTLE_ENDIAN);
            IntVector r2 = IntVector.fromMemorySegment(INTS, data, from2 + from, ByteOrder.LITTLE_ENDIAN);
            IntVector r3 = IntVector.fromMemorySegment(INTS, data, from3 + from, ByteOrder.LITTLE_ENDIAN);
            IntVector s0 = r0.blend(r1.rearrange(up1), upper1);
            IntVector s1 = r0.rearrange(down1).blend(r1, upper1);
            IntVector s2 = r2.blend(r3.rearrange(up1), upper1);
            IntVector s3 = r2.rearrange(down1).blend(r3, upper1);
            long at = to + square * LANES * VECTOR_BYTES;
            store(s0.blend(s2.rearrange(up2), upper2), squares, at);
            store(s1.blend(s3.rearrange(up2), upper2), squares, at + VECTOR_BYTES);
            store(s0.rearrange(down2).blend(s2, upper2), squares, at + 2 * VECTOR_BYTES);
            store(s1.rearrange(down2).blend(s3, upper2), squares, at + 3 * VECTOR_BYTES);
        }
    }

    private static IntVector get(MemorySegment squares, long at) {
        return IntVector.fromMemorySegment(INTS, squares, at, NATIVE);
    }

    private static void store(IntVector row, MemorySegment squares, long at) {
        row.intoMemorySegment(squares, at, NATIVE);
    }

    private static void twoStages(
            MemorySegment squares, int quads, TransposeStage<Integer> first, TransposeStage<Integer> second) {
        int distance = first.distance();
        long step = distance * VECTOR_BYTES;
        VectorShuffle<Integer> up1 = first.up();
        VectorShuffle<Integer> down1 = first.down();
        VectorMask<Integer> upper1 = first.upper();
        VectorShuffle<Integer> up2 = second.up();
        VectorShuffle<Integer> down2 = second.down();
        VectorMask<Integer> upper2 = second.upper();
        for (int quad = 0; quad < quads; quad++) {
            long at = (4 * (quad & -distance) + (quad & distance - 1)) * VECTOR_BYTES;
            IntVector r0 = get(squares, at);
            IntVector r1 = get(squares, at + step);
            IntVector r2 = get(squares, at + 2 * step);
            IntVector r3 = get(squares, at + 3 * step);
            IntVector s0 = r0.blend(r1.rearrange(up1), upper1);
            IntVector s1 = r0.rearrange(down1).blend(r1, upper1);
            IntVector s2 = r2.blend(r3.rearrange(up1), upper1);
            IntVector s3 = r2.rearrange(down1).blend(r3, upper1);
            store(s0.blend(s2.rearrange(up2), upper2), squares, at);
            store(s1.blend(s3.rearrange(up2), upper2), squares, at + step);
            store(s0.rearrange(down2).blend(s2, upper2), squares, at + 2 * step);
            store(s1.rearrange(down2).blend(s3, upper2), squares, at + 3 * step);
        }
    }

    private static void oneStage(MemorySegment squares, int pairs, TransposeStage<Integer> stage) {
        int distance = stage.distance();
        VectorShuffle<Integer> up = stage.up();
        VectorShuffle<Integer> down = stage.down();
        VectorMask<Integer> upper = stage.upper();
        for (int pair = 0; pair < pairs; pair++) {
            long low = (2 * (pair & -distance) + (pair & distance - 1)) * VECTOR_BYTES;
            long high = low + distance * VECTOR_BYTES;
            IntVector a = get(squares, low);
            IntVector b = get(squares, high);
            store(a.blend(b.rearrange(up), upper), squares, low);
            store(a.rearrange(down).blend(b, upper), squares, high);
        }
    }

    private static void copy(MemorySegment squares, int count, MemorySegment panel, long to) {
        for (int k = 0; k < count; k++) {
            store(get(squares, k * VECTOR_BYTES), panel, to + k * ROW_BYTES);
        }
    }

    /** A bfloat16 is the upper half of a float32; the lane's lower half is the earlier weight (little-endian). */
    private static void widenBfloat16(MemorySegment squares, int count, MemorySegment panel, long to) {
        for (int k = 0; k < count; k++) {
            IntVector pair = get(squares, k * VECTOR_BYTES);
            long at = to + 2 * k * ROW_BYTES;
            store(pair.lanewise(VectorOperators.LSHL, 16), panel, at);
            store(pair.and(0xffff0000), panel, at + ROW_BYTES);
        }
    }

    private static void widenFloat16(MemorySegment squares, int count, MemorySegment panel, long to) {
        for (int k = 0; k < count; k++) {
            IntVector pair = get(squares, k * VECTOR_BYTES);
            long at = to + 2 * k * ROW_BYTES;
            store(float16(pair.lanewise(VectorOperators.LSHL, 16)), panel, at);
            store(float16(pair.and(0xffff0000)), panel, at + ROW_BYTES);
        }
    }

    /**
     * Widens the binary16 in the upper half of every lane: exponent and fraction move 3 bits down to their place in a
     * binary32, and a product corrects the exponent's bias (127 − 15 = 112), of subnormals too. All exponent bits set
     * means ∞ or NaN, before and after.
     */
    private static IntVector float16(IntVector upperHalf) {
        IntVector magnitude = upperHalf.and(0x7fffffff).lanewise(VectorOperators.LSHR, 3);
        IntVector finite = magnitude.reinterpretAsFloats().mul(0x1p112f).reinterpretAsInts();
        VectorMask<Integer> special = magnitude.compare(VectorOperators.GE, 0x1f << 23);
        IntVector sign = upperHalf.and(0x80000000);
        return finite.blend(magnitude.or(0x7f800000), special).or(sign);
    }
}
