package dev.sparsed.cuda.internal.kernel;

import dev.sparsed.spi.DType;
import dev.sparsed.spi.Tensor;

/**
 * A row-major matrix of 8-bit floats (e4m3) in device memory with a float32 scale for every row: element (i, j) stands for value × scale[i]. The
 * scales follow the values; a view of a buffer that somebody else frees.
 *
 * @param address of the first value, in bytes, a multiple of 16
 * @param rows number of rows
 * @param columns number of columns, a multiple of {@link #ALIGNMENT}
 */
public record QuantizedTensor(long address, int rows, int columns) implements Tensor {

    /** What the number of columns is a multiple of: the scales start at a multiple of 16 bytes then. */
    public static final int ALIGNMENT = 16;

    /** {@return the device address of the scales} */
    public long scales() {
        return address + (long) rows * columns;
    }

    /**
     * {@return the memory it takes, in bytes}
     *
     * @param rows number of rows
     * @param columns number of columns
     */
    public static long bytes(int rows, int columns) {
        return (long) rows * columns + (long) rows * Float.BYTES;
    }

    /** {@return U8: what the values mean, their scales say} */
    @Override
    public DType dtype() {
        return DType.U8;
    }

    @Override
    public QuantizedTensor slice(int from, int count) {
        throw new UnsupportedOperationException("a quantized matrix is used as a whole");
    }
}
