package dev.sparsed.internal.amx;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** The layout that the kernels share: tiles of 16 rows of 64 bytes, 1 KiB each ({@code src/main/c/tiles.h}). */
final class Tiles {

    /** Rows of a tile. */
    static final int ROWS = 16;

    /** bf16 of a row: elements of the summed dimension. */
    static final int DEPTH = 32;

    /** Bytes of a tile. */
    static final int BYTES = 1024;

    /** Keys of a group, which is two tiles high. */
    static final int GROUP = 32;

    /** Most queries that a kernel takes at once. */
    static final int QUERIES = 128;

    private static final int CACHE_LINE = 64;

    private Tiles() {}

    /**
     * {@return tiles that hold a number of rows}
     *
     * @param rows ≥ 0
     */
    static int rowTiles(int rows) {
        return Math.ceilDiv(rows, ROWS);
    }

    /**
     * {@return tiles that hold a number of columns}
     *
     * @param columns ≥ 0
     */
    static int depthTiles(int columns) {
        return Math.ceilDiv(columns, DEPTH);
    }

    /** {@return bytes of the keys, or of the values, of one group of one head} */
    static long groupBytes(int headDim) {
        return 2L * depthTiles(headDim) * BYTES;
    }

    /**
     * Scratch memory outside the heap, at the start of a cache line, freed when no longer reachable.
     *
     * @param memory what there is so far
     * @param bytes what is needed
     * @return {@code memory} if it is large enough, else new memory
     */
    static MemorySegment atLeast(MemorySegment memory, long bytes) {
        return memory.byteSize() >= bytes ? memory : Arena.ofAuto().allocate(bytes, CACHE_LINE);
    }
}
