package dev.sparsed.cuda.internal.kernel;

import dev.sparsed.cuda.internal.driver.CudaStream;
import dev.sparsed.spi.DType;

/** elementwise.cu: the types of a checkpoint to those of the device. */
public final class Conversion {

    private static final int THREADS = 256;

    private final KernelModules modules;
    private final CudaStream stream;

    /**
     * For one stream.
     *
     * @param modules the device's kernels
     * @param stream where to run
     */
    public Conversion(KernelModules modules, CudaStream stream) {
        this.modules = modules;
        this.stream = stream;
    }

    /**
     * Converts elements, rounding to nearest.
     *
     * @param from device address
     * @param source F32, F16 or BF16
     * @param to device address
     * @param target F32 or BF16, another than {@code source}
     * @param elements how many
     */
    public void run(long from, DType source, long to, DType target, long elements) {
        String name = "convert_" + Launch.suffix(source) + "_" + Launch.suffix(target);
        try (Launch launch = new Launch(modules, "elementwise", name, stream)) {
            launch.arguments().addPointer(from).addPointer(to).addLong(elements);
            launch.run(Math.toIntExact(Math.ceilDiv(elements, THREADS)), 1, 1, THREADS, 0);
        }
    }
}
