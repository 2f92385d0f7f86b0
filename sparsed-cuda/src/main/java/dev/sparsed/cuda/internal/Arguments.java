package dev.sparsed.cuda.internal;

import dev.sparsed.cuda.internal.kernel.DeviceTensor;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.Positions;
import dev.sparsed.spi.Tensor;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Checks of arguments before anything reaches the device, where a wrong one would be somebody else's memory. */
final class Arguments {

    private Arguments() {}

    static void check(boolean holds, Supplier<String> otherwise) {
        if (!holds) {
            throw new IllegalArgumentException(otherwise.get());
        }
    }

    /**
     * {@return the tensor}
     *
     * @param argument its name
     * @param tensor any tensor
     * @param dtype the type it must have; null for any
     */
    static DeviceTensor tensor(String argument, Tensor tensor, @Nullable DType dtype) {
        if (!(tensor instanceof DeviceTensor onDevice)) {
            throw new IllegalArgumentException(argument + " is no tensor of the CUDA backend but a "
                    + tensor.getClass().getSimpleName());
        }
        check(
                dtype == null || onDevice.dtype() == dtype,
                () -> argument + " is " + onDevice.dtype() + ", needs to be " + dtype);
        return onDevice;
    }

    /**
     * {@return the tensor}
     *
     * @param argument its name
     * @param tensor any tensor
     * @param dtype the type it must have; null for any
     * @param rows the rows it must have
     * @param columns the columns it must have
     */
    static DeviceTensor tensor(String argument, Tensor tensor, @Nullable DType dtype, int rows, int columns) {
        check(
                tensor.rows() == rows && tensor.columns() == columns,
                () -> argument + " is [" + tensor.rows() + ", " + tensor.columns() + "], needs [" + rows + ", "
                        + columns + "]");
        return tensor(argument, tensor, dtype);
    }

    /** Every row has a position, and all lie below the limit. */
    static void positions(String argument, Tensor tensor, Positions rows, int limit) {
        check(
                tensor.rows() == rows.count(),
                () -> argument + " has " + tensor.rows() + " rows for " + rows.count() + " positions");
        check(
                rows.count() == 0 || rows.get(rows.count() - 1) < limit,
                () -> argument + " has a row at position " + rows.get(rows.count() - 1) + " of " + limit);
    }

    /** {@return whether the positions follow each other without a gap} */
    static boolean areConsecutive(Positions rows) {
        return rows.count() == 0 || rows.get(rows.count() - 1) - rows.get(0) == rows.count() - 1;
    }
}
