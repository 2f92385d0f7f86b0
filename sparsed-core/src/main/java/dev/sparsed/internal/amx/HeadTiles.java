package dev.sparsed.internal.amx;

import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.WorkerPool;
import dev.sparsed.spi.HeadLayout;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Keys and values of some heads, rounded to bf16, in the order in which the kernels read them: {@code [head][group]}. */
final class HeadTiles {

    /** Groups that one task packs: 512 keys of 64 features take about 30 µs. */
    private static final int GROUPS_PER_TASK = 16;

    private final NativeKernels kernels;
    private final WorkerPool.Task packing = this::packSome;
    private MemorySegment keys = MemorySegment.NULL;
    private MemorySegment values = MemorySegment.NULL;
    private Matrix fromKeys = Matrix.zeros(0, 1);
    private @Nullable Matrix fromValues;
    private int headDim;
    private int groups;
    private int tasksPerHead;
    private int firstHead;
    private long headBytes;

    HeadTiles(NativeKernels kernels) {
        this.kernels = kernels;
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
     * Packs some heads; forgets what was packed before.
     *
     * @param k {@code [N, keyValueHeads × headDim]}
     * @param v {@code [N, keyValueHeads × headDim]}, or null if only keys are needed
     * @param heads head layout
     * @param first first key/value head
     * @param count how many
     * @param pool threads to work on
     */
    void pack(Matrix k, @Nullable Matrix v, HeadLayout heads, int first, int count, WorkerPool pool) {
        headDim = heads.headDim();
        groups = Math.ceilDiv(k.rows(), Tiles.GROUP);
        headBytes = headBytes(k.rows(), headDim);
        firstHead = first;
        fromKeys = k;
        fromValues = v;
        keys = Tiles.atLeast(keys, count * headBytes);
        values = v == null ? values : Tiles.atLeast(values, count * headBytes);
        tasksPerHead = Math.ceilDiv(groups, GROUPS_PER_TASK);
        pool.forEach(count * tasksPerHead, packing);
    }

    private void packSome(int task, int slot) {
        int head = firstHead + task / tasksPerHead;
        int from = task % tasksPerHead * GROUPS_PER_TASK;
        int to = Math.min(from + GROUPS_PER_TASK, groups);
        kernels.packGroups(false, fromKeys, head * headDim, headDim, from, to, keys(head));
        if (fromValues != null) {
            kernels.packGroups(true, fromValues, head * headDim, headDim, from, to, values(head));
        }
    }

    /** {@return the keys of a packed key/value head} */
    MemorySegment keys(int head) {
        return keys.asSlice((head - firstHead) * headBytes, headBytes);
    }

    /** {@return the values of a packed key/value head} */
    MemorySegment values(int head) {
        return values.asSlice((head - firstHead) * headBytes, headBytes);
    }
}
