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
