package dev.sparsed.cuda.internal.kernel;

import dev.sparsed.cuda.internal.driver.CudaStream;
import dev.sparsed.spi.DType;
import org.jspecify.annotations.Nullable;

/** rms_norm.cu: RMSNorm, alone or after a residual connection. */
public final class RmsNorm implements AutoCloseable {

    private static final int THREADS = 128;

    private final Launch launch;

    /**
     * For one stream.
     *
     * @param modules the device's kernels
     * @param stream where to run
     * @param dtype type of the activations; the weight is F32
     */
    public RmsNorm(KernelModules modules, CudaStream stream, DType dtype) {
        launch = new Launch(modules, "rms_norm", "rms_norm_" + Launch.suffix(dtype), stream);
    }

    /**
     * {@code x += y} if there is a y, then {@code out = x / √(mean(x²) + epsilon) · weight}.
     *
     * @param x {@code [rows, columns]}
     * @param y {@code [rows, columns]} or null
     * @param weight {@code [1, columns]}, F32
     * @param epsilon &gt; 0
     * @param out {@code [rows, columns]}; may be x where there is no y
     */
    public void run(DeviceTensor x, @Nullable DeviceTensor y, DeviceTensor weight, float epsilon, DeviceTensor out) {
        launch.arguments()
                .addPointer(x.address())
                .addPointer(DeviceTensor.address(y))
                .addPointer(weight.address())
                .addFloat(epsilon)
                .addPointer(out.address())
                .addInt(x.columns());
        launch.run(x.rows(), 1, 1, THREADS, 0);
    }

    @Override
    public void close() {
        launch.close();
    }
}
