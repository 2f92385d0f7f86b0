package dev.sparsed.cuda.internal.kernel;

import dev.sparsed.cuda.internal.driver.CudaStream;
import dev.sparsed.spi.DType;

/** rope.cu: rotary position embedding in place. */
public final class Rope implements AutoCloseable {

    private static final int THREADS = 128;

    private final Launch launch;

    /**
     * For one stream.
     *
     * @param modules the device's kernels
     * @param stream where to run
     * @param dtype type of the activations; the tables are F32
     */
    public Rope(KernelModules modules, CudaStream stream, DType dtype) {
        launch = new Launch(modules, "rope", "rope_" + Launch.suffix(dtype), stream);
    }

    /**
     * Rotates every head of every row.
     *
     * @param x {@code [rows, heads × headDim]}
     * @param headDim D, even
     * @param cos {@code [positions, D/2]}
     * @param sin {@code [positions, D/2]}
     * @param positions device address of the rows' positions, or 0 if they are {@code first}, {@code first} + 1, …
     * @param first the first row's position where there are no others
     */
    public void run(DeviceTensor x, int headDim, DeviceTensor cos, DeviceTensor sin, long positions, int first) {
        launch.arguments()
                .addPointer(x.address())
                .addPointer(cos.address())
                .addPointer(sin.address())
                .addPointer(positions)
                .addInt(first)
                .addInt(x.columns())
                .addInt(headDim);
        launch.run(x.rows(), 1, 1, THREADS, 0);
    }

    @Override
    public void close() {
        launch.close();
    }
}
