package dev.sparsed.internal.amx;

import static dev.sparsed.internal.amx.KernelLibrary.ARRAYS;
import static dev.sparsed.internal.amx.KernelLibrary.handle;
import static dev.sparsed.internal.amx.KernelLibrary.thrown;

import dev.sparsed.internal.cpu.Matrix;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The kernels of attention: keys and values into tiles, then tiles of queries, some in a call. */
final class AttentionKernels {

    private static final MethodHandle PACK = handle("ALLLLLLLAL", ARRAYS);
    private static final MethodHandle ATTEND = handle("ALFAAAALLLALAAAA", ARRAYS);
    private static final MethodHandle IMPORTANCE = handle("ALLALLLAA", ARRAYS);

    private static final long LANES_BYTES = Tiles.QUERIES * (long) Float.BYTES;

    private final MemorySegment packKeys;
    private final MemorySegment packValues;
    private final MemorySegment attend;
    private final MemorySegment importance;

    /**
     * Looks the kernels up.
     *
     * @param library where they are
     */
    AttentionKernels(KernelLibrary library) {
        packKeys = library.address("pack_keys");
        packValues = library.address("pack_values");
        attend = library.address("attention");
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
     * {@return bytes of a side of scratch memory, for one tile of queries}
     *
     * @param headDim D
     */
    static long sideBytes(int headDim) {
        int parts = Tiles.QUERIES / Tiles.GROUP;
        return parts * (Tiles.depthTiles(headDim) * 6L * Tiles.BYTES + 2L * Tiles.GROUP * Float.BYTES);
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
     * Attends to keys.
     *
     * @param tiles tiles of queries, at least one
     * @param scale factor of every query
     * @param laterRow first row of a tile that the thread is likely to get next: its queries are fetched into the cache
     * @param laterColumn first column of that tile's head
     * @param shifts receives a float for every query of every tile that ends, {@link #lanesBytes} bytes
     * @param sums the same; the log-sum-exp to base 2 is {@code shift + log₂ sum}
     * @param scratch {@link #sideBytes} for each of {@link QueryTiles#MOST} sides
     * @param blockSums receives the sums of every block in the lists, {@link #sumsBytes} for each tile, or null if they are not wanted
     */
    void attend(
            QueryTiles tiles,
            float scale,
            int laterRow,
            int laterColumn,
            MemorySegment shifts,
            MemorySegment sums,
            MemorySegment scratch,
            @Nullable MemorySegment blockSums) {
        Matrix q = tiles.q();
        Matrix out = tiles.out();
        Objects.checkIndex(0, tiles.count());
        Objects.checkIndex(laterRow, q.rows());
        Objects.checkFromIndexSize(0, QueryTiles.MOST * sideBytes(tiles.headDim()), scratch.byteSize());
        Objects.checkFromIndexSize(0, lanesBytes(), Math.min(shifts.byteSize(), sums.byteSize()));
        MemorySegment byBlock = blockSums == null ? MemorySegment.NULL : blockSums;
        if (blockSums != null) {
            Objects.checkFromIndexSize(0, sumsBytes(tiles.blocks()), blockSums.byteSize());
        }
        try {
            ATTEND.invokeExact(
                    attend,
                    MemorySegment.ofArray(q.data()),
                    (long) q.columns(),
                    scale,
                    tiles.keys(),
                    tiles.values(),
                    tiles.lists().entries(),
                    tiles.tiles(),
                    (long) tiles.count(),
                    (long) q.row(laterRow) + laterColumn,
                    (long) tiles.headDim(),
                    MemorySegment.ofArray(out.data()),
                    (long) out.columns(),
                    shifts,
                    sums,
                    scratch,
                    byBlock);
        } catch (Throwable e) {
            throw thrown(e);
        }
    }

    /** {@return bytes of a float for every query of every tile of a call} */
    static long lanesBytes() {
        return QueryTiles.MOST * LANES_BYTES;
    }

    /**
     * The importance of blocks for some queries of a tile, after it attended to all blocks from the last to the first.
     *
     * @param sums as {@link #attend} left them
     * @param blocks number of blocks
     * @param first the first of those that also count among themselves
     * @param side the tile's side of the scratch memory
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
            MemorySegment side,
            int headDim,
            int from,
            int to,
            double[] overall,
            double[] isolated) {
        Objects.checkFromToIndex(from, to, Tiles.QUERIES);
        Objects.checkFromIndexSize(0, sideBytes(headDim), side.byteSize());
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
                    side,
                    (long) headDim,
                    (long) from,
                    (long) to,
                    MemorySegment.ofArray(overall),
                    MemorySegment.ofArray(isolated));
        } catch (Throwable e) {
            throw thrown(e);
        }
    }
}
