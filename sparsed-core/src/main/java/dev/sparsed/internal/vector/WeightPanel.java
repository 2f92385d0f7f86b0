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
 * <p>A square of L × L 32-bit lanes is transposed at a time. With 16-bit weights a lane holds two neighbours, which are only taken
 * apart after the transposition: half the shuffles per weight.
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

    /** Size of the square that {@link #pack} transposes in. */
    static int[] newSquare() {
        return new int[LANES * LANES];
    }

    /**
     * Packs one panel.
     *
     * @param w the weights
     * @param firstRow first row of the panel; rows past the last one of {@code w} become zeros
     * @param from first column
     * @param depth how many columns
     * @param panel receives {@code [depth, WIDTH]}
     * @param square scratch, from {@link #newSquare}
     */
    static void pack(Weights w, int firstRow, int from, int depth, float[] panel, int[] square) {
        int bytes = w.dtype().bytes();
        long rowBytes = (long) w.columns() * bytes;
        int squareDepth = LANES * Integer.BYTES / bytes;
        int inSquares = depth - depth % squareDepth;
        for (int column = 0; column < GemmTile.WIDTH; column += LANES) {
            int row = firstRow + column;
            int rows = Math.clamp((long) w.rows() - row, 0, LANES);
            long offset = row * rowBytes + (long) from * bytes;
            for (int k = 0; k < inSquares; k += squareDepth) {
                load(w.data(), offset + (long) k * bytes, rowBytes, rows, square);
                for (Stage stage : TRANSPOSITION) {
                    exchange(square, stage.distance, stage.up, stage.down, stage.upper);
                }
                int to = k * GemmTile.WIDTH + column;
                switch (w.dtype()) {
                    case F32 -> copy(square, panel, to);
                    case BF16 -> widenBfloat16(square, panel, to);
                    case F16 -> widenFloat16(square, panel, to);
                    case I64, U8 -> throw new IllegalStateException("not a weight type: " + w.dtype());
                }
            }
            packLast(w, row, rows, from, inSquares, depth, panel, column);
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

    private static void load(MemorySegment data, long offset, long rowBytes, int rows, int[] square) {
        for (int row = 0; row < rows; row++) {
            IntVector.fromMemorySegment(INTS, data, offset + row * rowBytes, ByteOrder.LITTLE_ENDIAN)
                    .intoArray(square, row * LANES);
        }
        Arrays.fill(square, rows * LANES, LANES * LANES, 0);
    }

    /** Swaps, in every 2 × 2 block of elements at this distance, the two off the diagonal. */
    private static void exchange(
            int[] square,
            int distance,
            VectorShuffle<Integer> up,
            VectorShuffle<Integer> down,
            VectorMask<Integer> upper) {
        for (int pair = 0; pair < LANES / 2; pair++) {
            int low = (2 * (pair & -distance) + (pair & distance - 1)) * LANES;
            int high = low + distance * LANES;
            IntVector a = IntVector.fromArray(INTS, square, low);
            IntVector b = IntVector.fromArray(INTS, square, high);
            a.blend(b.rearrange(up), upper).intoArray(square, low);
            a.rearrange(down).blend(b, upper).intoArray(square, high);
        }
    }

    private static void copy(int[] square, float[] panel, int to) {
        for (int k = 0; k < LANES; k++) {
            IntVector.fromArray(INTS, square, k * LANES)
                    .reinterpretAsFloats()
                    .intoArray(panel, to + k * GemmTile.WIDTH);
        }
    }

    /** A bfloat16 is the upper half of a float32; the lane's lower half is the earlier weight (little-endian). */
    private static void widenBfloat16(int[] square, float[] panel, int to) {
        for (int k = 0; k < LANES; k++) {
            IntVector pair = IntVector.fromArray(INTS, square, k * LANES);
            int at = to + 2 * k * GemmTile.WIDTH;
            pair.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().intoArray(panel, at);
            pair.and(0xffff0000).reinterpretAsFloats().intoArray(panel, at + GemmTile.WIDTH);
        }
    }

    private static void widenFloat16(int[] square, float[] panel, int to) {
        for (int k = 0; k < LANES; k++) {
            IntVector pair = IntVector.fromArray(INTS, square, k * LANES);
            int at = to + 2 * k * GemmTile.WIDTH;
            float16(pair.lanewise(VectorOperators.LSHL, 16)).intoArray(panel, at);
            float16(pair.and(0xffff0000)).intoArray(panel, at + GemmTile.WIDTH);
        }
    }

    /**
     * Widens the binary16 in the upper half of every lane: exponent and fraction move 3 bits down to their place in a binary32, and a
     * product corrects the exponent's bias (127 − 15 = 112), of subnormals too. All exponent bits set means ∞ or NaN, before and after.
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
