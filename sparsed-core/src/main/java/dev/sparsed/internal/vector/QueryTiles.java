package dev.sparsed.internal.vector;

import static dev.sparsed.internal.vector.ScoreTile.GROUP;

import dev.sparsed.internal.cpu.Matrix;
import java.util.Arrays;

/** How the rows of a tile of queries are packed. */
final class QueryTiles {

    /** log₂e: e^s = 2^(s·log₂e). */
    static final double LOG2_E = 1 / Math.log(2);

    private QueryTiles() {}

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
        int even = ScoreTile.evenDim(headDim);
        int row = 0;
        for (; row + GROUP <= rows; row += GROUP) {
            int from = q.row(firstRow + row) + column;
            Transposition.interleave4(q.data(), from, q.columns(), headDim, scale, packed, row * even);
            if (even > headDim) {
                Arrays.fill(packed, row * even + headDim * GROUP, (row + GROUP) * even, 0);
            }
        }
        if (row < rows) {
            Arrays.fill(packed, row * even, (row + GROUP) * even, 0);
            packLast(
                    q.data(),
                    q.row(firstRow + row) + column,
                    q.columns(),
                    rows - row,
                    headDim,
                    scale,
                    packed,
                    row * even);
        }
    }

    private static void packLast(
            float[] from, int first, int stride, int rows, int columns, float scale, float[] to, int at) {
        for (int column = 0; column < columns; column++) {
            for (int row = 0; row < rows; row++) {
                to[at + column * GROUP + row] = from[first + row * stride + column] * scale;
            }
        }
    }
}
