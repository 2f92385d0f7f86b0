package dev.sparsed.internal.amx;

import dev.sparsed.internal.cpu.Matrix;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * The tiles of queries of one call of the attention kernel, in its form ({@code tile} in {@code scores.h}). What is added is checked against
 * the memory it will be read from and written to.
 */
final class QueryTiles {

    /** Most tiles of a call. */
    static final int MOST = 8;

    private static final int FIELDS = 11;

    private final long[] tiles = new long[MOST * FIELDS];
    private int count;
    private int blocks;

    /** Forgets all tiles. */
    void clear() {
        count = 0;
        blocks = 0;
    }

    /**
     * Adds a tile.
     *
     * @param q the queries
     * @param out what their outputs go to, in the same rows and columns
     * @param row first row
     * @param rows 1 … {@link Tiles#QUERIES}
     * @param column first column of the head
     * @param headDim D
     * @param head where the head's keys begin, and its values, in bytes
     * @param memory the keys, or values, of all heads
     * @param keys what it attends to
     * @param from the first of their entries
     * @param to end of the entries
     * @param begins whether these are its first keys; an earlier call has left its sums in the side else
     * @param ends whether these are its last keys; its sums stay in the side else
     * @param side of the scratch memory
     * @param index of its shifts and sums, 0 … {@link #MOST} − 1
     * @param firstBlock where its sums by block begin
     */
    void add(
            Matrix q,
            Matrix out,
            int row,
            int rows,
            int column,
            int headDim,
            long head,
            MemorySegment memory,
            KeyGroups keys,
            int from,
            int to,
            boolean begins,
            boolean ends,
            int side,
            int index,
            int firstBlock) {
        Objects.checkIndex(count, MOST);
        Objects.checkFromToIndex(1, rows, Tiles.QUERIES + 1);
        Objects.checkFromIndexSize(row, rows, Math.min(q.rows(), out.rows()));
        Objects.checkFromIndexSize(column, headDim, Math.min(q.columns(), out.columns()));
        Objects.checkFromIndexSize(head, (keys.lastGroup() + 1) * Tiles.groupBytes(headDim), memory.byteSize());
        Objects.checkFromToIndex(from, to, keys.count());
        Objects.checkIndex(0, to - from);
        Objects.checkIndex(side, MOST);
        Objects.checkIndex(index, MOST);
        int at = count * FIELDS;
        tiles[at] = rows;
        tiles[at + 1] = (long) q.row(row) + column;
        tiles[at + 2] = (long) out.row(row) + column;
        tiles[at + 3] = head / Short.BYTES;
        tiles[at + 4] = from;
        tiles[at + 5] = to - from;
        tiles[at + 6] = begins ? 1 : 0;
        tiles[at + 7] = ends ? 1 : 0;
        tiles[at + 8] = side;
        tiles[at + 9] = index;
        tiles[at + 10] = firstBlock;
        blocks = Math.max(blocks, firstBlock + keys.lastBlock() + 1);
        count++;
    }

    /** {@return the tiles; the first {@link #count} count} */
    MemorySegment tiles() {
        return MemorySegment.ofArray(tiles);
    }

    /** {@return how many tiles there are} */
    int count() {
        return count;
    }

    /** {@return how many blocks the sums by block are of} */
    int blocks() {
        return blocks;
    }
}
