package dev.sparsed.internal.vector;

import dev.sparsed.internal.cpu.Matrix;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** What {@link Gemm} does to its result beside multiplying. */
final class GemmEdges {

    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;

    private static final int LANES = FLOATS.length();

    private GemmEdges() {}

    /**
     * Copies the part of a tile that {@code out} has.
     *
     * @param sums {@code [ROWS, WIDTH]} of {@link GemmTile} from {@code from}
     * @param from index of its first element
     * @param out the result
     * @param row the tile's first row
     * @param column its first column
     */
    static void copyOut(float[] sums, int from, Matrix out, int row, int column) {
        int rows = Math.min(GemmTile.ROWS, out.rows() - row);
        int columns = Math.min(GemmTile.WIDTH, out.columns() - column);
        for (int i = 0; i < rows; i++) {
            System.arraycopy(sums, from + i * GemmTile.WIDTH, out.data(), out.row(row + i) + column, columns);
        }
    }

    /**
     * {@code out += bias} in some rows and columns.
     *
     * @param bias {@code [1, columns]}
     * @param out the result
     * @param row first row
     * @param endRow end of the rows
     * @param column first column
     * @param endColumn end of the columns
     */
    static void addBias(Matrix bias, Matrix out, int row, int endRow, int column, int endColumn) {
        for (int i = row; i < endRow; i++) {
            add(bias.data(), bias.offset() + column, out.data(), out.row(i) + column, endColumn - column);
        }
    }

    private static void add(float[] x, int xFrom, float[] y, int yFrom, int count) {
        int j = 0;
        for (int bound = FLOATS.loopBound(count); j < bound; j += LANES) {
            FloatVector.fromArray(FLOATS, y, yFrom + j)
                    .add(FloatVector.fromArray(FLOATS, x, xFrom + j))
                    .intoArray(y, yFrom + j);
        }
        for (; j < count; j++) {
            y[yFrom + j] += x[xFrom + j];
        }
    }
}
