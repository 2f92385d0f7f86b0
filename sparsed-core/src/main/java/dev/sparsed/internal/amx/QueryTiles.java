package dev.sparsed.internal.amx;

import dev.sparsed.internal.cpu.Matrix;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * The tiles of queries of one call of the attention kernel, in its form ({@code tile} in {@code scores.h}), and what they are cut from. What is
 * added is checked against the memory it will be read from and written to.
 *
 * <p>A tile may come back in a later call with more of its keys. Until then its queries and sums stay in a side of the scratch memory.
 */
final class QueryTiles {

    /** Most tiles of a call, and sides. */
    static final int MOST = 8;

    private static final int FIELDS = 11;
    private static final int SIDE = 8;

    private final long[] tiles = new long[MOST * FIELDS];
    private int count;
    private int blocks;

    private Matrix q = Matrix.zeros(0, 1);
    private Matrix out = q;
    private int headDim = 1;
    private MemorySegment keys = MemorySegment.NULL;
    private MemorySegment values = MemorySegment.NULL;
    private KeyGroups lists = new KeyGroups();

    /**
     * Forgets all tiles.
     *
     * @param q the queries
     * @param out what their outputs go to, in the same rows and columns
     * @param headDim D
     * @param packed keys and values of the heads
     */
    void begin(Matrix q, Matrix out, int headDim, HeadTiles packed) {
        this.q = q;
        this.out = out;
        this.headDim = headDim;
        keys = packed.keys();
        values = packed.values();
        clear();
    }

    /** Forgets the tiles alone. */
    void clear() {
        count = 0;
        blocks = 0;
    }

    /**
     * Adds a tile. A call has it once, and not beside another with the same side.
     *
     * @param row first row
     * @param rows 1 … {@link Tiles#QUERIES}
     * @param column first column of the head
     * @param head where the head's keys begin, and its values, in bytes
     * @param list has what the tile attends to; the same for all tiles of a call
     * @param from the first of its entries; where a tile comes back, those before are what it attended to last
     * @param to end of the entries
     * @param begins whether these are its first keys; otherwise an earlier call has left its sums in the side
     * @param ends whether these are its last keys; otherwise its sums stay in the side
     * @param side of the scratch memory
     * @param index of its shifts and sums, 0 … {@link #MOST} − 1
     * @param firstBlock where its sums by block begin
     */
    void add(
            int row,
            int rows,
            int column,
            long head,
            KeyGroups list,
            int from,
            int to,
            boolean begins,
            boolean ends,
            int side,
            int index,
            int firstBlock) {
        Objects.checkIndex(count, MOST);
        Objects.checkFromToIndex(1, rows, Tiles.QUERIES);
        Objects.checkFromIndexSize(row, rows, Math.min(q.rows(), out.rows()));
        Objects.checkFromIndexSize(column, headDim, Math.min(q.columns(), out.columns()));
        long bytes = (list.lastGroup() + 1) * Tiles.groupBytes(headDim);
        Objects.checkFromIndexSize(head, bytes, Math.min(keys.byteSize(), values.byteSize()));
        Objects.checkFromToIndex(from, to, list.count());
        Objects.checkIndex(begins ? 0 : 1, from + 1); // the kernel looks at the entry before
        Objects.checkIndex(0, to - from);
        Objects.checkIndex(side, MOST);
        Objects.checkIndex(index, MOST);
        Objects.checkIndex(firstBlock, Integer.MAX_VALUE);
        int at = count * FIELDS;
        if (count > 0 && (tiles[at - FIELDS + SIDE] == side || list != lists)) {
            throw new IllegalArgumentException("neighbours with the same side, " + side + ", or other lists");
        }
        lists = list;
        tiles[at] = rows;
        tiles[at + 1] = (long) q.row(row) + column;
        tiles[at + 2] = (long) out.row(row) + column;
        tiles[at + 3] = head / Short.BYTES;
        tiles[at + 4] = from;
        tiles[at + 5] = to - from;
        tiles[at + 6] = begins ? 1 : 0;
        tiles[at + 7] = ends ? 1 : 0;
        tiles[at + SIDE] = side;
        tiles[at + 9] = index;
        tiles[at + 10] = firstBlock;
        blocks = Math.max(blocks, firstBlock + list.lastBlock() + 1);
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

    /** {@return the queries} */
    Matrix q() {
        return q;
    }

    /** {@return the outputs} */
    Matrix out() {
        return out;
    }

    /** {@return D} */
    int headDim() {
        return headDim;
    }

    /** {@return the keys of all heads} */
    MemorySegment keys() {
        return keys;
    }

    /** {@return the values of all heads} */
    MemorySegment values() {
        return values;
    }

    /** {@return the lists of the tiles' keys} */
    KeyGroups lists() {
        return lists;
    }
}
