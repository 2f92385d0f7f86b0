package dev.sparsed.internal.amx;

import dev.sparsed.internal.cpu.Lanes;
import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.WorkerPool;
import dev.sparsed.spi.HeadLayout;
import java.lang.foreign.MemorySegment;

/** Keys and values of some heads, rounded to bf16, in the order in which the kernels read them: {@code [head][group]}. */
final class HeadTiles {

    /**
     * Groups that one task packs, of all heads of a lane, since those of one key lie side by side and those of one head pages apart: 128
     * keys of 16 heads of 64 features take about 30 µs.
     */
    private static final int GROUPS_PER_TASK = 4;

    /** Most such tasks that a thread takes one after the other: a few percent less time than one at a time. */
    private static final int TASKS_PER_RUN = 4;

    /**
     * Most bytes of a head's keys and values for lanes: what the second-level cache holds. Of two heads of 8,192 tokens × 128, in 4 MiB each,
     * block-sparse attention in two lanes took 2 % longer than in one, of half the tokens 5 % less.
     */
    private static final long LANE_BYTES = 2 << 20;

    private final AttentionKernels kernels;
    private final WorkerPool.Run packing = this::packRun;
    private final Lanes lanes;
    private MemorySegment keys = MemorySegment.NULL;
    private MemorySegment values = MemorySegment.NULL;
    private Matrix fromKeys = Matrix.zeros(0, 1);
    private Matrix fromValues = fromKeys;
    private int headDim;
    private int groups;
    private int tasksPerLane;
    private int firstHead;
    private long headBytes;

    /**
     * Without memory yet.
     *
     * @param kernels what packs
     * @param lanes of heads, which {@link #pack} cuts
     */
    HeadTiles(AttentionKernels kernels, Lanes lanes) {
        this.kernels = kernels;
        this.lanes = lanes;
    }

    /**
     * {@return bytes that the keys, or the values, of one head take}
     *
     * @param keys length of the canvas
     * @param headDim D
     */
    static long headBytes(int keys, int headDim) {
        return Math.ceilDiv(keys, Tiles.GROUP) * Tiles.groupBytes(headDim);
    }

    /**
     * Cuts some heads into lanes and packs them; forgets what was packed before.
     *
     * @param k {@code [N, keyValueHeads × headDim]}
     * @param v {@code [N, keyValueHeads × headDim]}
     * @param layout head layout
     * @param first first key/value head
     * @param count how many
     * @param pool threads to work on
     */
    void pack(Matrix k, Matrix v, HeadLayout layout, int first, int count, WorkerPool pool) {
        headDim = layout.headDim();
        groups = Math.ceilDiv(k.rows(), Tiles.GROUP);
        headBytes = headBytes(k.rows(), headDim);
        firstHead = first;
        fromKeys = k;
        fromValues = v;
        keys = Tiles.atLeast(keys, count * headBytes);
        values = Tiles.atLeast(values, count * headBytes);
        tasksPerLane = Math.ceilDiv(groups, GROUPS_PER_TASK);
        lanes.cut(count, 2 * headBytes <= LANE_BYTES ? Lanes.MOST : 1);
        pool.forEachRun(lanes.withTasksPerLane(tasksPerLane), TASKS_PER_RUN, packing);
    }

    private void packRun(int first, int end, int slot) {
        for (int task = first; task < end; task++) {
            int lane = task / tasksPerLane;
            int from = task % tasksPerLane * GROUPS_PER_TASK;
            int to = Math.min(from + GROUPS_PER_TASK, groups);
            int head = lanes.firstItem(lane);
            int count = lanes.firstItem(lane + 1) - head;
            kernels.packKeys(fromKeys, firstHead + head, count, headDim, from, to, keys.asSlice(head * headBytes));
            kernels.packValues(
                    fromValues, firstHead + head, count, headDim, from, to, values.asSlice(head * headBytes));
        }
    }

    /** {@return the keys of all packed heads} */
    MemorySegment keys() {
        return keys;
    }

    /** {@return the values of all packed heads} */
    MemorySegment values() {
        return values;
    }

    /**
     * {@return where a head's keys begin, and its values, in bytes}
     *
     * @param head key/value head, one of those packed
     */
    long offset(int head) {
        return (head - firstHead) * headBytes;
    }
}
