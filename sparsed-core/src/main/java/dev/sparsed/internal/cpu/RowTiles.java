package dev.sparsed.internal.cpu;

import dev.sparsed.spi.Positions;

/** Where rows of queries are cut, so that no tile of queries crosses the border of a query block. */
public final class RowTiles {

    private int[] begin = new int[1];
    private int[] block = {};
    private int count;

    /** No rows. */
    public RowTiles() {}

    /**
     * Cuts some rows.
     *
     * @param rows canvas positions of the rows
     * @param blockSize B
     * @param most rows of a tile at most
     */
    public void cut(Positions rows, int blockSize, int most) {
        if (block.length < rows.count()) {
            block = new int[rows.count()];
            begin = new int[rows.count() + 1];
        }
        count = 0;
        for (int row = 0; row < rows.count(); row++) {
            int of = rows.get(row) / blockSize;
            if (count == 0 || block[count - 1] != of || row - begin[count - 1] == most) {
                begin[count] = row;
                block[count++] = of;
            }
        }
        begin[count] = rows.count();
    }

    /**
     * Cuts all rows of a canvas.
     *
     * @param rows how many
     * @param every a tile begins at every so many rows, ≥ 1
     * @param most rows of a tile at most
     */
    public void cut(int rows, int every, int most) {
        int wanted = Math.ceilDiv(rows, every) * Math.ceilDiv(Math.min(every, rows), most);
        if (block.length < wanted) {
            block = new int[wanted];
            begin = new int[wanted + 1];
        }
        count = 0;
        for (int row = 0; row < rows; row += Math.min(most, every - row % every)) {
            begin[count] = row;
            block[count++] = row / every;
        }
        begin[count] = rows;
    }

    /** {@return how many tiles there are} */
    public int count() {
        return count;
    }

    /**
     * {@return a tile's first row}
     *
     * @param tile 0 … {@code count() − 1}
     */
    public int from(int tile) {
        return begin[tile];
    }

    /**
     * {@return a tile's number of rows}
     *
     * @param tile 0 … {@code count() − 1}
     */
    public int rows(int tile) {
        return begin[tile + 1] - begin[tile];
    }

    /**
     * {@return a tile's query block}
     *
     * @param tile 0 … {@code count() − 1}
     */
    public int block(int tile) {
        return block[tile];
    }
}
