package dev.sparsed.cuda.internal.kernel;

import dev.sparsed.cuda.internal.driver.CudaStream;
import dev.sparsed.spi.DType;

/** row_lookup.cu: rows of a table by index. */
public final class RowLookup implements AutoCloseable {

    private static final int THREADS = 128;

    private final Launch launch;

    /**
     * For one stream.
     *
     * @param modules the device's kernels
     * @param stream where to run
     * @param dtype type of table and output
     */
    public RowLookup(KernelModules modules, CudaStream stream, DType dtype) {
        launch = new Launch(modules, "row_lookup", "look_up_" + Launch.suffix(dtype), stream);
    }

    /**
     * {@code out[i] = table[rows[i]]}.
     *
     * @param table {@code [n, columns]}
     * @param rows device address of {@code out.rows()} ints, each 0 … n − 1
     * @param out {@code [m, columns]}
     */
    public void run(DeviceTensor table, long rows, DeviceTensor out) {
        launch.arguments()
                .addPointer(table.address())
                .addPointer(rows)
                .addPointer(out.address())
                .addInt(out.columns());
        launch.run(out.rows(), 1, 1, THREADS, 0);
    }

    @Override
    public void close() {
        launch.close();
    }
}
