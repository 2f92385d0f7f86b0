package dev.sparsed.internal.amx;

import static dev.sparsed.internal.amx.KernelLibrary.ARRAYS;
import static dev.sparsed.internal.amx.KernelLibrary.handle;
import static dev.sparsed.internal.amx.KernelLibrary.thrown;

import dev.sparsed.internal.cpu.Matrix;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The kernels of attention: keys and values into tiles, then tiles of queries, each with scratch memory of its own. */
final class AttentionKernels {

    private static final MethodHandle PACK = handle("ALLLLLLLAL", ARRAYS);
    private static final MethodHandle BEGIN = handle("ALLLLFALLLA", ARRAYS);
    private static final MethodHandle ATTEND = handle("AAALLLAA");
    private static final MethodHandle END = handle("ALLALLAA", ARRAYS);
    private static final MethodHandle IMPORTANCE = handle("ALLALLLAA", ARRAYS);

    private static final long LANES_BYTES = Tiles.QUERIES * (long) Float.BYTES;

    /** What {@code scores.h} calls {@code rows_ahead}. */
    private static final long ROWS_AHEAD_BYTES = 64;

    private final MemorySegment packKeys;
    private final MemorySegment packValues;
    private final MemorySegment begin;
    private final MemorySegment attend;
    private final MemorySegment end;
    private final MemorySegment importance;

    /**
     * Looks the kernels up.
     *
     * @param library where they are
     */
    AttentionKernels(KernelLibrary library) {
        packKeys = library.address("pack_keys");
        packValues = library.address("pack_values");
        begin = library.address("attention_begin");
        attend = library.address("attention_keys");
        end = library.address("attention_end");
        importance = library.address("importance");
    }

    /**
     * Packs some groups of the keys of some heads.
     *
     * @param k the keys
     * @param head first head
     * @param heads how many
     * @param headDim D
     * @param from first group
     * @param to end of the groups
     * @param out the tiles of all groups of the first head, then those of the next
     */
    void packKeys(Matrix k, int head, int heads, int headDim, int from, int to, MemorySegment out) {
        pack(packKeys, k, head, heads, headDim, from, to, out);
    }

    /**
     * Packs some groups of the values of some heads.
     *
     * @param v the values
     * @param head first head
     * @param heads how many
     * @param headDim D
     * @param from first group
     * @param to end of the groups
     * @param out as in {@link #packKeys}
     */
    void packValues(Matrix v, int head, int heads, int headDim, int from, int to, MemorySegment out) {
        pack(packValues, v, head, heads, headDim, from, to, out);
    }

    private static void pack(
            MemorySegment kernel, Matrix x, int head, int heads, int headDim, int from, int to, MemorySegment out) {
        Objects.checkFromIndexSize(head * headDim, heads * headDim, x.columns());
        Objects.checkFromToIndex(from, to, Math.ceilDiv(x.rows(), Tiles.GROUP));
        long headBytes = HeadTiles.headBytes(x.rows(), headDim);
        Objects.checkFromIndexSize(0, heads * headBytes, out.byteSize());
        try {
            PACK.invokeExact(
                    kernel,
                    MemorySegment.ofArray(x.data()),
                    (long) x.offset() + (long) head * headDim,
                    (long) x.columns(),
                    (long) x.rows(),
                    (long) heads,
                    (long) headDim,
                    (long) from,
                    (long) to,
                    out,
                    headBytes);
        } catch (Throwable e) {
            throw thrown(e);
        }
    }

    /**
     * {@return bytes of scratch memory for a tile of queries}
     *
     * @param headDim D
     */
    static long scratchBytes(int headDim) {
        int parts = Tiles.QUERIES / Tiles.GROUP;
        return (long) parts * (Tiles.depthTiles(headDim) * 6L * Tiles.BYTES + 2L * Tiles.GROUP * Float.BYTES)
                + ROWS_AHEAD_BYTES;
    }

    /**
     * {@return bytes of the sums by block of a tile of queries}
     *
     * @param blocks number of blocks
     */
    static long sumsBytes(int blocks) {
        return blocks * 2 * LANES_BYTES;
    }

    /**
     * Packs a tile of queries.
     *
     * @param q the queries
     * @param row first row
     * @param rows 1 … {@link Tiles#QUERIES}
     * @param column first column of the head
     * @param headDim D
     * @param scale factor of every query
     * @param scratch {@link #scratchBytes} bytes
     * @param out what {@link #end} will write to, in the same rows and columns: {@link #attend} fetches them into the cache
     * @param laterRow first row of a later tile, whose queries it fetches too, or as many as are there
     * @param laterColumn first column of that tile's head
     */
    void begin(
            Matrix q,
            int row,
            int rows,
            int column,
            int headDim,
            float scale,
            MemorySegment scratch,
            Matrix out,
            int laterRow,
            int laterColumn) {
        Objects.checkFromIndexSize(row, rows, q.rows());
        Objects.checkFromIndexSize(column, headDim, q.columns());
        checkQueries(rows, headDim, scratch);
        try {
            BEGIN.invokeExact(
                    begin,
                    MemorySegment.ofArray(q.data()),
                    (long) q.row(row) + column,
                    (long) q.columns(),
                    (long) rows,
                    (long) headDim,
                    scale,
                    MemorySegment.ofArray(out.data()),
                    (long) out.row(row) + column,
                    (long) out.columns(),
                    (long) q.row(laterRow) + laterColumn,
                    scratch);
        } catch (Throwable e) {
            throw thrown(e);
        }
    }

    /**
     * Attends to keys, after {@link #begin}.
     *
     * @param keys the head's keys
     * @param values the head's values
     * @param list groups of keys, at least one
     * @param rows as in {@link #begin}
     * @param headDim D
     * @param scratch as in {@link #begin}
     * @param sums receives the sums of every block in the list, {@link #sumsBytes} bytes, or null if they are not wanted
     */
    void attend(
            MemorySegment keys,
            MemorySegment values,
            KeyGroups list,
            int rows,
            int headDim,
            MemorySegment scratch,
            @Nullable MemorySegment sums) {
        checkQueries(rows, headDim, scratch);
        checkGroups(keys, list, headDim);
        checkGroups(values, list, headDim);
        MemorySegment byBlock = sums == null ? MemorySegment.NULL : sums;
        if (sums != null) {
            Objects.checkFromIndexSize(0, sumsBytes(list.lastBlock() + 1), sums.byteSize());
        }
        try {
            ATTEND.invokeExact(
                    attend,
                    keys,
                    values,
                    list.entries(),
                    (long) list.count(),
                    (long) rows,
                    (long) headDim,
                    scratch,
                    byBlock);
        } catch (Throwable e) {
            throw thrown(e);
        }
    }

    /**
     * Writes the result of {@link #attend}.
     *
     * @param scratch as in {@link #begin}
     * @param rows as in {@link #begin}
     * @param headDim D
     * @param out the outputs
     * @param row first row
     * @param column first column of the head
     * @param shifts receives a float per row
     * @param sums receives a float per row; the log-sum-exp to base 2 is {@code shift + log₂ sum}
     */
    void end(
            MemorySegment scratch,
            int rows,
            int headDim,
            Matrix out,
            int row,
            int column,
            MemorySegment shifts,
            MemorySegment sums) {
        Objects.checkFromIndexSize(row, rows, out.rows());
        Objects.checkFromIndexSize(column, headDim, out.columns());
        checkQueries(rows, headDim, scratch);
        Objects.checkFromIndexSize(0, LANES_BYTES, Math.min(shifts.byteSize(), sums.byteSize()));
        try {
            END.invokeExact(
                    end,
                    scratch,
                    (long) rows,
                    (long) headDim,
                    MemorySegment.ofArray(out.data()),
                    (long) out.row(row) + column,
                    (long) out.columns(),
                    shifts,
                    sums);
        } catch (Throwable e) {
            throw thrown(e);
        }
    }

    /**
     * The importance of blocks for some queries of a tile, after {@link #attend} to all blocks from the last to the first.
     *
     * @param sums as {@link #attend} left them
     * @param blocks number of blocks
     * @param first the first of those that also count among themselves
     * @param scratch as in {@link #begin}
     * @param headDim D
     * @param from first query
     * @param to end of the queries
     * @param overall is increased by every block's share of the softmax over all keys
     * @param isolated is increased by every block's share, from {@code first} on, of the softmax over the keys from {@code first} on
     */
    void importance(
            MemorySegment sums,
            int blocks,
            int first,
            MemorySegment scratch,
            int headDim,
            int from,
            int to,
            double[] overall,
            double[] isolated) {
        checkQueries(to - from, headDim, scratch);
        Objects.checkFromToIndex(from, to, Tiles.QUERIES);
        Objects.checkIndex(first, blocks);
        Objects.checkFromIndexSize(0, sumsBytes(blocks), sums.byteSize());
        Objects.checkFromIndexSize(0, blocks, overall.length);
        Objects.checkFromIndexSize(0, blocks - first, isolated.length);
        try {
            IMPORTANCE.invokeExact(
                    importance,
                    sums,
                    (long) blocks,
                    (long) first,
                    scratch,
                    (long) headDim,
                    (long) from,
                    (long) to,
                    MemorySegment.ofArray(overall),
                    MemorySegment.ofArray(isolated));
        } catch (Throwable e) {
            throw thrown(e);
        }
    }

    private static void checkQueries(int rows, int headDim, MemorySegment scratch) {
        Objects.checkFromToIndex(1, rows, Tiles.QUERIES + 1);
        Objects.checkFromIndexSize(0, scratchBytes(headDim), scratch.byteSize());
    }

    private static void checkGroups(MemorySegment memory, KeyGroups list, int headDim) {
        Objects.checkIndex(0, list.count());
        Objects.checkFromIndexSize(0, (list.lastGroup() + 1) * Tiles.groupBytes(headDim), memory.byteSize());
    }
}
