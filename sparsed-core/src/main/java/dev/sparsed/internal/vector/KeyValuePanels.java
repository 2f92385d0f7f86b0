package dev.sparsed.internal.vector;

import static dev.sparsed.internal.vector.PanelList.LANES;

import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.WorkerPool;
import dev.sparsed.spi.HeadLayout;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

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

    /** Panels that one task packs, of all heads together; 32 × 16 keys × 64 features take about 40 µs. */
    private static final int PANELS_PER_TASK = 32;

    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;

    private float[] keys = new float[0];
    private float[] values = new float[0];
    private final WorkerPool.Task packing = this::packSome;
    private Matrix fromKeys = RowOperation.NOTHING;
    private Matrix fromValues = RowOperation.NOTHING;
    private int panelsPerTask;
    private int firstHead;
    private int headCount;
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
        this.headCount = headCount;
        panels = Math.ceilDiv(k.rows(), LANES);
        headDim = heads.headDim();
        evenDim = ScoreTile.evenDim(headDim);
        paddedDim = paddedDim(headDim);
        int size = Math.toIntExact(FIRST + headCount * floatsPerHead(k.rows(), headDim));
        keys = keys.length < size ? new float[size] : keys;
        values = values.length < size ? new float[size] : values;
        fromKeys = k;
        fromValues = v;
        panelsPerTask = Math.ceilDiv(PANELS_PER_TASK, headCount);
        pool.forEach(Math.ceilDiv(panels, panelsPerTask), packing);
    }

    /** All heads of a few rows at a time: a row of all heads is one page of memory, and one of one head a part of it. */
    private void packSome(int task, int slot) {
        int to = Math.min((task + 1) * panelsPerTask, panels);
        for (int panel = task * panelsPerTask; panel < to; panel++) {
            for (int head = firstHead; head < firstHead + headCount; head++) {
                packKeys(fromKeys, head, panel);
            }
            for (int head = firstHead; head < firstHead + headCount; head++) {
                packValues(fromValues, head, panel);
            }
        }
    }

    private void packKeys(Matrix k, int head, int panel) {
        int to = keys(head) + panel * evenDim * LANES;
        int from = k.row(panel * LANES) + head * headDim;
        int rows = Math.min(LANES, k.rows() - panel * LANES);
        if (headDim < evenDim) {
            Arrays.fill(keys, to + headDim * LANES, to + evenDim * LANES, 0);
        }
        if (rows == LANES) {
            Transposition.transpose(k.data(), from, k.columns(), headDim, keys, to);
        } else {
            transposeSome(k.data(), from, k.columns(), rows, headDim, keys, to);
        }
    }

    private static void transposeSome(float[] from, int first, int stride, int rows, int columns, float[] to, int at) {
        for (int column = 0; column < columns; column++) {
            for (int row = 0; row < LANES; row++) {
                to[at + column * LANES + row] = row < rows ? from[first + row * stride + column] : 0;
            }
        }
    }

    private void packValues(Matrix v, int head, int panel) {
        int from = panel * LANES;
        int to = from + LANES;
        int rows = Math.min(to, v.rows());
        for (int d = 0; d < headDim; d += PAIR) {
            int pair = values(head) + d * panels * LANES;
            int first = v.row(from) + head * headDim + d;
            if (d + PAIR <= headDim) {
                copyPairs(v.data(), first, v.columns(), rows - from, values, pair + from * PAIR);
            } else {
                copySome(v.data(), first, v.columns(), rows - from, headDim - d, values, pair + from * PAIR);
            }
            Arrays.fill(values, pair + rows * PAIR, pair + to * PAIR, 0);
        }
    }

    private static void copyPairs(float[] from, int first, int stride, int rows, float[] to, int at) {
        for (int row = 0; row < rows; row++) {
            int next = first + row * stride;
            FloatVector.fromArray(SPECIES, from, next).intoArray(to, at + row * PAIR);
            FloatVector.fromArray(SPECIES, from, next + LANES).intoArray(to, at + row * PAIR + LANES);
        }
    }

    private static void copySome(float[] from, int first, int stride, int rows, int columns, float[] to, int at) {
        for (int row = 0; row < rows; row++) {
            int begin = at + row * PAIR;
            System.arraycopy(from, first + row * stride, to, begin, columns);
            Arrays.fill(to, begin + columns, begin + PAIR, 0);
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
