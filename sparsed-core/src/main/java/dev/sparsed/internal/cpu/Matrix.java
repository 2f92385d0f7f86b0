package dev.sparsed.internal.cpu;

import dev.sparsed.spi.DType;
import dev.sparsed.spi.Tensor;
import java.util.Objects;

/**
 * A float32 activation on the heap: row {@code i} is {@code data[offset + i·columns …]}.
 *
 * @param data the floats, shared by all views
 * @param offset index of the first element
 * @param rows number of rows
 * @param columns number of columns
 */
public record Matrix(float[] data, int offset, int rows, int columns) implements Tensor {

    /** Checks that all rows lie in the array, so that kernels need not. */
    public Matrix {
        Objects.checkFromIndexSize(offset, Math.multiplyExact(rows, columns), data.length);
    }

    /**
     * A new matrix of zeros.
     *
     * @param rows ≥ 0
     * @param columns ≥ 1
     * @return the matrix
     */
    public static Matrix zeros(int rows, int columns) {
        return new Matrix(new float[Math.multiplyExact(rows, columns)], 0, rows, columns);
    }

    /**
     * {@return the index in {@link #data} of a row's first element}
     *
     * @param row 0 … {@code rows} − 1
     */
    public int row(int row) {
        return offset + row * columns;
    }

    @Override
    public DType dtype() {
        return DType.F32;
    }

    @Override
    public Matrix slice(int from, int count) {
        Objects.checkFromIndexSize(from, count, rows);
        return new Matrix(data, offset + from * columns, count, columns);
    }
}
