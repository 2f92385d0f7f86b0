package dev.sparsed.cuda.internal;

import dev.sparsed.spi.Positions;

/** Splits query rows at the borders of query blocks, as the sparse kernels take them. */
final class QueryTiles {

    /** Ints of a tile: first row, rows, query block, and one that aligns it. */
    static final int INTS = 4;

    private QueryTiles() {}

    /**
     * The tiles of some rows.
     *
     * @param rows canvas positions of the rows
     * @param blockSize B
     * @return {@link #INTS} ints per tile, ascending
     */
    static int[] of(Positions rows, int blockSize) {
        int[] tiles = new int[count(rows, blockSize) * INTS];
        int tile = -1;
        int previous = -1;
        for (int row = 0; row < rows.count(); row++) {
            int block = rows.get(row) / blockSize;
            if (block != previous) {
                tile++;
                tiles[tile * INTS] = row;
                tiles[tile * INTS + 2] = block;
                previous = block;
            }
            tiles[tile * INTS + 1]++;
        }
        return tiles;
    }

    private static int count(Positions rows, int blockSize) {
        int count = 0;
        int previous = -1;
        for (int row = 0; row < rows.count(); row++) {
            int block = rows.get(row) / blockSize;
            count += block == previous ? 0 : 1;
            previous = block;
        }
        return count;
    }
}
