package dev.sparsed.internal.vector;

import static dev.sparsed.internal.vector.PanelList.LANES;

import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.WorkerPool;
import dev.sparsed.spi.HeadLayout;
import java.util.Arrays;

/**
 * Keys and values of some heads, copied into the order in which the attention kernels read them. In an activation two
 * rows of one head lie a multiple of 4096 bytes apart, so that the rows of a tile would share a few sets of the L1
 * cache.
 *
 * <p>Keys: {@code [head][panel][evenDim][LANES]}, transposed within a panel of {@link PanelList#LANES} keys. Values:
 * {@code [head][paddedDim/PAIR][panel·LANES + key][PAIR]}, D padded to whole pairs of vectors. Padding is zero.
 */
final class KeyValuePanels {

    /** Features of two vectors. */
    static final int PAIR = 2 * LANES;

    /**
     * Floats in front of the first panel. The elements of an array begin 16 bytes into the object, and the garbage
     * collector places large arrays at multiples of a cache line: 48 bytes on, vectors of 64 bytes cross no line. It
     * makes the products a tenth faster; elsewhere it does no harm.
     */
    private static final int FIRST = 12;

    /** Panels that one task packs; 32 × 16 keys × 64 features take about 50 µs. */
    private static final int PANELS_PER_TASK = 32;

    private float[] keys = new float[0];
    private float[] values = new float[0];
    private final WorkerPool.Task packing = this::packSome;
    private Matrix fromKeys = RowOperation.NOTHING;
    private Matrix fromValues = RowOperation.NOTHING;
    private int tasksPerHead;
    private int firstHead;
    private int panels;
    private int headDim;
    private int evenDim;
    private int paddedDim;

    /**
     * {@return floats that the keys, or the values, of one head take}
     *
     * @param keys length of the canvas
     * @param headDim D
     */
    static long floatsPerHead(int keys, int headDim) {
        return (long) Math.ceilDiv(keys, LANES) * LANES * paddedDim(headDim);
    }

    /** {@return D, padded to whole pairs of vectors} */
    static int paddedDim(int headDim) {
        return Math.ceilDiv(headDim, PAIR) * PAIR;
    }

    /**
     * Packs some heads; forgets what was packed before.
     *
     * @param k {@code [N, keyValueHeads × headDim]}
     * @param v {@code [N, keyValueHeads × headDim]}
     * @param heads head layout
     * @param firstHead first key/value head to pack
     * @param headCount how many
     * @param pool threads to work on
     */
    void pack(Matrix k, Matrix v, HeadLayout heads, int firstHead, int headCount, WorkerPool pool) {
        this.firstHead = firstHead;
        panels = Math.ceilDiv(k.rows(), LANES);
        headDim = heads.headDim();
        evenDim = ScoreTile.evenDim(headDim);
        paddedDim = paddedDim(headDim);
        int size = Math.toIntExact(FIRST + headCount * floatsPerHead(k.rows(), headDim));
        keys = keys.length < size ? new float[size] : keys;
        values = values.length < size ? new float[size] : values;
        fromKeys = k;
        fromValues = v;
        tasksPerHead = Math.ceilDiv(panels, PANELS_PER_TASK);
        pool.forEach(headCount * tasksPerHead, packing);
    }

    private void packSome(int task, int slot) {
        int head = firstHead + task / tasksPerHead;
        int from = task % tasksPerHead * PANELS_PER_TASK;
        int to = Math.min(from + PANELS_PER_TASK, panels);
        for (int panel = from; panel < to; panel++) {
            packKeys(fromKeys, head, panel);
        }
        packValues(fromValues, head, from * LANES, to * LANES);
    }

    private void packKeys(Matrix k, int head, int panel) {
        int to = keys(head) + panel * evenDim * LANES;
        int rows = Math.min(LANES, k.rows() - panel * LANES);
        if (rows < LANES || headDim < evenDim) {
            Arrays.fill(keys, to, to + evenDim * LANES, 0);
        }
        for (int key = 0; key < rows; key++) {
            transpose(k.data(), k.row(panel * LANES + key) + head * headDim, keys, to + key, headDim);
        }
    }

    private static void transpose(float[] from, int row, float[] to, int column, int count) {
        for (int d = 0; d < count; d++) {
            to[column + d * LANES] = from[row + d];
        }
    }

    private void packValues(Matrix v, int head, int from, int to) {
        int rows = Math.min(to, v.rows());
        for (int d = 0; d < headDim; d += PAIR) {
            int pair = values(head) + d * panels * LANES;
            int count = Math.min(PAIR, headDim - d);
            for (int key = from; key < rows; key++) {
                int at = pair + key * PAIR;
                System.arraycopy(v.data(), v.row(key) + head * headDim + d, values, at, count);
                Arrays.fill(values, at + count, at + PAIR, 0);
            }
            Arrays.fill(values, pair + rows * PAIR, pair + to * PAIR, 0);
        }
    }

    /** {@return the packed keys} */
    float[] keys() {
        return keys;
    }

    /** {@return the packed values} */
    float[] values() {
        return values;
    }

    /**
     * {@return where the keys of a packed head begin}
     *
     * @param head key/value head
     */
    int keys(int head) {
        return FIRST + (head - firstHead) * panels * evenDim * LANES;
    }

    /**
     * {@return where the values of a packed head begin}
     *
     * @param head key/value head
     */
    int values(int head) {
        return FIRST + (head - firstHead) * panels * LANES * paddedDim;
    }

    /** {@return floats from one pair of value vectors to the next, {@code N·PAIR} with N padded to whole panels} */
    int valuePair() {
        return panels * LANES * PAIR;
    }
}
