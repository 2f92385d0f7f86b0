package dev.sparsed.internal.vector;

import dev.sparsed.internal.cpu.Weights;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
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

    private static final int STAGES = Integer.numberOfTrailingZeros(LANES);

    /** Stage s of a transposition moves lanes by 2ˢ: up, down, and which lanes of the pair of rows take part. */
    private static final Stage[] TRANSPOSITION = new Stage[STAGES];

    static {
        Arrays.setAll(TRANSPOSITION, s -> Stage.ofDistance(1 << s));
    }

    private WeightPanel() {}

    /** Scratch of {@link #pack}: the squares of L rows and {@link GemmTile#DEPTH} columns, of the widest type. */
    static int[] newSquares() {
        return new int[LANES * GemmTile.DEPTH];
    }

    /**
     * Packs one panel.
     *
     * @param w the weights
     * @param firstRow first row of the panel; rows past the last one of {@code w} become zeros
     * @param from first column
     * @param depth how many columns, at most {@link GemmTile#DEPTH}
     * @param panel receives {@code [depth, WIDTH]}
     * @param squares scratch, from {@link #newSquares}
     */
    static void pack(Weights w, int firstRow, int from, int depth, float[] panel, int[] squares) {
        int bytes = w.dtype().bytes();
        long rowBytes = (long) w.columns() * bytes;
        int squareDepth = LANES * Integer.BYTES / bytes;
        int count = depth / squareDepth;
        for (int column = 0; column < GemmTile.WIDTH; column += LANES) {
            int row = firstRow + column;
            int rows = Math.clamp((long) w.rows() - row, 0, LANES);
            long offset = row * rowBytes + (long) from * bytes;
            for (int i = 0; i < rows; i++) {
                load(w.data(), offset + i * rowBytes, squares, i * LANES, count);
            }
            if (rows < LANES) {
                clear(squares, rows, count);
            }
            transpose(squares, count * LANES);
            switch (w.dtype()) {
                case F32 -> copy(squares, count * LANES, panel, column);
                case BF16 -> widenBfloat16(squares, count * LANES, panel, column);
                case F16 -> widenFloat16(squares, count * LANES, panel, column);
                case I64, U8 -> throw new IllegalStateException("not a weight type: " + w.dtype());
            }
            packLast(w, row, rows, from, count * squareDepth, depth, panel, column);
        }
    }

    /** The columns that fill no square, one by one. */
    private static void packLast(
            Weights w, int row, int rows, int from, int begin, int depth, float[] panel, int column) {
        for (int k = begin; k < depth; k++) {
            int to = k * GemmTile.WIDTH + column;
            for (int j = 0; j < rows; j++) {
                panel[to + j] = w.get((long) (row + j) * w.columns() + from + k);
            }
            Arrays.fill(panel, to + rows, to + LANES, 0f);
        }
    }

    /** Row {@code to / LANES} of every square. */
    private static void load(MemorySegment data, long offset, int[] squares, int to, int count) {
        for (int square = 0; square < count; square++) {
            IntVector.fromMemorySegment(
                            INTS, data, offset + (long) square * INTS.vectorByteSize(), ByteOrder.LITTLE_ENDIAN)
                    .intoArray(squares, square * LANES * LANES + to);
        }
    }

    /** The rows that the weights do not have. */
    private static void clear(int[] squares, int rows, int count) {
        for (int square = 0; square < count; square++) {
            Arrays.fill(squares, (square * LANES + rows) * LANES, (square + 1) * LANES * LANES, 0);
        }
    }

    /**
     * Transposes every square: stage s swaps, in every 2 × 2 block of elements at the distance 2ˢ, the two off the
     * diagonal. Two stages at a time stay in registers; eight lanes leave an odd one.
     */
    private static void transpose(int[] squares, int rows) {
        twoStages(squares, rows / 4, TRANSPOSITION[0], TRANSPOSITION[1]);
        if (STAGES == 3) {
            oneStage(squares, rows / 2, TRANSPOSITION[2]);
        } else if (STAGES == 4) {
            twoStages(squares, rows / 4, TRANSPOSITION[2], TRANSPOSITION[3]);
        }
    }

    private static void twoStages(int[] squares, int quads, Stage first, Stage second) {
        int distance = first.distance;
        VectorShuffle<Integer> up1 = first.up;
        VectorShuffle<Integer> down1 = first.down;
        VectorMask<Integer> upper1 = first.upper;
        VectorShuffle<Integer> up2 = second.up;
        VectorShuffle<Integer> down2 = second.down;
        VectorMask<Integer> upper2 = second.upper;
        for (int quad = 0; quad < quads; quad++) {
            int at = (4 * (quad & -distance) + (quad & distance - 1)) * LANES;
            IntVector r0 = IntVector.fromArray(INTS, squares, at);
            IntVector r1 = IntVector.fromArray(INTS, squares, at + distance * LANES);
            IntVector r2 = IntVector.fromArray(INTS, squares, at + 2 * distance * LANES);
            IntVector r3 = IntVector.fromArray(INTS, squares, at + 3 * distance * LANES);
            IntVector s0 = r0.blend(r1.rearrange(up1), upper1);
            IntVector s1 = r0.rearrange(down1).blend(r1, upper1);
            IntVector s2 = r2.blend(r3.rearrange(up1), upper1);
            IntVector s3 = r2.rearrange(down1).blend(r3, upper1);
            s0.blend(s2.rearrange(up2), upper2).intoArray(squares, at);
            s1.blend(s3.rearrange(up2), upper2).intoArray(squares, at + distance * LANES);
            s0.rearrange(down2).blend(s2, upper2).intoArray(squares, at + 2 * distance * LANES);
            s1.rearrange(down2).blend(s3, upper2).intoArray(squares, at + 3 * distance * LANES);
        }
    }

    private static void oneStage(int[] squares, int pairs, Stage stage) {
        int distance = stage.distance;
        VectorShuffle<Integer> up = stage.up;
        VectorShuffle<Integer> down = stage.down;
        VectorMask<Integer> upper = stage.upper;
        for (int pair = 0; pair < pairs; pair++) {
            int low = (2 * (pair & -distance) + (pair & distance - 1)) * LANES;
            int high = low + distance * LANES;
            IntVector a = IntVector.fromArray(INTS, squares, low);
            IntVector b = IntVector.fromArray(INTS, squares, high);
            a.blend(b.rearrange(up), upper).intoArray(squares, low);
            a.rearrange(down).blend(b, upper).intoArray(squares, high);
        }
    }

    private static void copy(int[] squares, int count, float[] panel, int to) {
        for (int k = 0; k < count; k++) {
            IntVector.fromArray(INTS, squares, k * LANES)
                    .reinterpretAsFloats()
                    .intoArray(panel, to + k * GemmTile.WIDTH);
        }
    }

    /** A bfloat16 is the upper half of a float32; the lane's lower half is the earlier weight (little-endian). */
    private static void widenBfloat16(int[] squares, int count, float[] panel, int to) {
        for (int k = 0; k < count; k++) {
            IntVector pair = IntVector.fromArray(INTS, squares, k * LANES);
            int at = to + 2 * k * GemmTile.WIDTH;
            pair.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().intoArray(panel, at);
            pair.and(0xffff0000).reinterpretAsFloats().intoArray(panel, at + GemmTile.WIDTH);
        }
    }

    private static void widenFloat16(int[] squares, int count, float[] panel, int to) {
        for (int k = 0; k < count; k++) {
            IntVector pair = IntVector.fromArray(INTS, squares, k * LANES);
            int at = to + 2 * k * GemmTile.WIDTH;
            float16(pair.lanewise(VectorOperators.LSHL, 16)).intoArray(panel, at);
            float16(pair.and(0xffff0000)).intoArray(panel, at + GemmTile.WIDTH);
        }
    }

    /**
     * Widens the binary16 in the upper half of every lane: exponent and fraction move 3 bits down to their place in a
     * binary32, and a product corrects the exponent's bias (127 − 15 = 112), of subnormals too. All exponent bits set
     * means ∞ or NaN, before and after.
     */
    private static FloatVector float16(IntVector upperHalf) {
        IntVector magnitude = upperHalf.and(0x7fffffff).lanewise(VectorOperators.LSHR, 3);
        IntVector finite = magnitude.reinterpretAsFloats().mul(0x1p112f).reinterpretAsInts();
        VectorMask<Integer> special = magnitude.compare(VectorOperators.GE, 0x1f << 23);
        IntVector sign = upperHalf.and(0x80000000);
        return finite.blend(magnitude.or(0x7f800000), special).or(sign).reinterpretAsFloats();
    }

    /**
     * One stage of a transposition.
     *
     * @param distance how far elements move
     * @param up lane i reads lane i − distance
     * @param down lane i reads lane i + distance
     * @param upper the lanes whose number has the distance's bit set
     */
    private record Stage(
            int distance, VectorShuffle<Integer> up, VectorShuffle<Integer> down, VectorMask<Integer> upper) {

        static Stage ofDistance(int distance) {
            long bits = 0;
            for (int lane = 0; lane < LANES; lane++) {
                bits |= (lane & distance) == 0 ? 0L : 1L << lane;
            }
            return new Stage(
                    distance,
                    VectorShuffle.fromOp(INTS, lane -> lane - distance & LANES - 1),
                    VectorShuffle.fromOp(INTS, lane -> lane + distance & LANES - 1),
                    VectorMask.fromLong(INTS, bits));
        }
    }
}
