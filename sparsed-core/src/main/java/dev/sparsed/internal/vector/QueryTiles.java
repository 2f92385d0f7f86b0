package dev.sparsed.internal.vector;

import dev.sparsed.spi.Positions;

/** The rows of block-sparse queries, cut into tiles none of which crosses the border of a query block. */
final class QueryTiles {

    private int[] begin = new int[1];
    private int[] block = new int[0];
    private int count;

    /**
     * Cuts some rows.
     *
     * @param rows canvas positions of the query rows
     * @param blockSize B
     * @param most rows of a tile at most
     */
    void cut(Positions rows, int blockSize, int most) {
        if (block.length < rows.count()) {
            block = new int[rows.count()];
            begin = new int[rows.count() + 1];
        }
        count = 0;
        for (int row = 0; row < rows.count(); row++) {
            int rowBlock = rows.get(row) / blockSize;
            if (count == 0 || block[count - 1] != rowBlock || row - begin[count - 1] == most) {
                begin[count] = row;
                block[count++] = rowBlock;
            }
        }
        begin[count] = rows.count();
    }

    /** {@return how many tiles there are} */
    int count() {
        return count;
    }

    /**
     * {@return the first row of a tile}
     *
     * @param tile 0 … {@code count() − 1}
     */
    int from(int tile) {
        return begin[tile];
    }

    /**
     * {@return how many rows a tile has}
     *
     * @param tile 0 … {@code count() − 1}
     */
    int rows(int tile) {
        return begin[tile + 1] - begin[tile];
    }

    /**
     * {@return the query block of a tile}
     *
     * @param tile 0 … {@code count() − 1}
     */
    int block(int tile) {
        return block[tile];
    }
}
