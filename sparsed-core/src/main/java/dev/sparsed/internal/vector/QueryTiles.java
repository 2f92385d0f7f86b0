package dev.sparsed.internal.vector;

import static dev.sparsed.internal.vector.ScoreTile.GROUP;

import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.spi.Positions;
import java.util.Arrays;

/**
 * Tiles of queries: where the rows of block-sparse queries are cut, so that no tile crosses the border of a query
 * block, and how the rows of a tile are packed.
 */
final class QueryTiles {

    /** log₂e: e^s = 2^(s·log₂e). */
    static final double LOG2_E = 1 / Math.log(2);

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

    /**
     * Copies query rows of one head into {@code [group][evenDim][GROUP]}, scaled by log₂e/√D, so that the softmax is
     * one to base 2; rows beyond the last are zero.
     *
     * @param q {@code [R, queryHeads × headDim]}
     * @param firstRow first row
     * @param rows how many, 1 … {@link ScoreTile#QUERY_TILE}
     * @param column first column of the head
     * @param headDim D
     * @param packed receives {@code paddedRows(rows) × evenDim(D)} floats
     */
    static void pack(Matrix q, int firstRow, int rows, int column, int headDim, float[] packed) {
        float scale = (float) (LOG2_E / Math.sqrt(headDim));
        int padded = ScoreTile.paddedRows(rows);
        int even = ScoreTile.evenDim(headDim);
        Arrays.fill(packed, (padded - GROUP) * even, padded * even, 0);
        float[] data = q.data();
        for (int row = 0; row < rows; row++) {
            int from = q.row(firstRow + row) + column;
            int to = row / GROUP * GROUP * even + row % GROUP;
            for (int d = 0; d < headDim; d++) {
                packed[to + d * GROUP] = data[from + d] * scale;
            }
            if (even > headDim) {
                packed[to + headDim * GROUP] = 0;
            }
        }
    }
}
