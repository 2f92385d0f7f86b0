package dev.sparsed.cuda.internal.kernel;

import dev.sparsed.spi.DType;
import dev.sparsed.spi.Tensor;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A row-major matrix in device memory; a view of a buffer that somebody else frees.
 *
 * @param address of the first element, in bytes
 * @param dtype F32 or BF16
 * @param rows number of rows
 * @param columns number of columns
 */
public record DeviceTensor(long address, DType dtype, int rows, int columns) implements Tensor {

    /** {@return the address of a tensor that may be missing: then null, 0} */
    static long address(@Nullable DeviceTensor tensor) {
        return tensor == null ? 0 : tensor.address;
    }

    /** {@return the number of elements} */
    public long elements() {
        return (long) rows * columns;
    }

    /** {@return the size in bytes} */
    public long bytes() {
        return elements() * dtype.bytes();
    }

    @Override
    public DeviceTensor slice(int from, int count) {
        Objects.checkFromIndexSize(from, count, rows);
        return new DeviceTensor(address + (long) from * columns * dtype.bytes(), dtype, count, columns);
    }
}
