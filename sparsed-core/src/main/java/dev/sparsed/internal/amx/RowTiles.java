package dev.sparsed.internal.amx;

import dev.sparsed.spi.Positions;

/** Where rows of block-sparse queries are cut, so that no tile of queries crosses the border of a query block. */
final class RowTiles {

    private int[] begin = new int[1];
    private int[] block = {};
    private int count;

    /**
     * Cuts some rows into tiles of at most {@link Tiles#QUERIES}.
     *
     * @param rows canvas positions of the rows
     * @param blockSize B
     */
    void cut(Positions rows, int blockSize) {
        if (block.length < rows.count()) {
            block = new int[rows.count()];
            begin = new int[rows.count() + 1];
        }
        count = 0;
        for (int row = 0; row < rows.count(); row++) {
            int of = rows.get(row) / blockSize;
            if (count == 0 || block[count - 1] != of || row - begin[count - 1] == Tiles.QUERIES) {
                begin[count] = row;
                block[count++] = of;
            }
        }
        begin[count] = rows.count();
    }

    /** {@return how many tiles there are} */
    int count() {
        return count;
    }

    /** {@return a tile's first row} */
    int from(int tile) {
        return begin[tile];
    }

    /** {@return a tile's number of rows} */
    int rows(int tile) {
        return begin[tile + 1] - begin[tile];
    }

    /** {@return a tile's query block} */
    int block(int tile) {
        return block[tile];
    }
}
