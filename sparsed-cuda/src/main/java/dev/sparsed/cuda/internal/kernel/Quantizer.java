package dev.sparsed.cuda.internal.kernel;

import dev.sparsed.cuda.internal.driver.CudaStream;
import dev.sparsed.spi.DType;
import java.util.EnumMap;
import java.util.Map;

/** quantize.cu: rows to 8-bit floats with a scale each. */
public final class Quantizer implements AutoCloseable {

    /** The first devices with 8-bit floats: what the kernels are compiled for. */
    public static final int OLDEST_COMPUTE_CAPABILITY = 89;

    private static final String FILE = "quantize";
    private static final int THREADS = 128;
    private static final int SWIGLU_THREADS = 512;

    private final Map<DType, Launch> quantize = new EnumMap<>(DType.class);
    private final Launch swiGlu;

    /**
     * For one stream.
     *
     * @param modules the device's kernels
     * @param stream where to run
     */
    public Quantizer(KernelModules modules, CudaStream stream) {
        for (DType source : new DType[] {DType.F32, DType.F16, DType.BF16}) {
            String name = "quantize_" + Launch.suffix(source);
            quantize.put(source, new Launch(modules, FILE, name, stream));
        }
        swiGlu = new Launch(modules, FILE, "swiglu_quantize_bf16", stream);
    }

    /**
     * {@code out ≈ x}, rounded to nearest.
     *
     * @param x device address of out's rows and columns
     * @param source F32, F16 or BF16
     * @param out receives values and scales
     */
    public void run(long x, DType source, QuantizedTensor out) {
        Launch launch = quantize.get(source);
        if (launch == null) {
            throw new IllegalArgumentException("nothing quantizes " + source + ": F32, F16 or BF16");
        }
        launch.arguments()
                .addPointer(x)
                .addPointer(out.address())
                .addPointer(out.scales())
                .addInt(out.columns());
        launch.run(out.rows(), 1, 1, THREADS, 0);
    }

    /**
     * {@code out ≈ silu(gate) · up}, rounded once.
     *
     * @param gate BF16, {@code [rows, columns]}
     * @param up BF16, {@code [rows, columns]}
     * @param out receives values and scales
     */
    public void swiGlu(DeviceTensor gate, DeviceTensor up, QuantizedTensor out) {
        swiGlu.arguments()
                .addPointer(gate.address())
                .addPointer(up.address())
                .addPointer(out.address())
                .addPointer(out.scales())
                .addInt(out.columns());
        swiGlu.run(out.rows(), 1, 1, SWIGLU_THREADS, 0);
    }

    @Override
    public void close() {
        quantize.values().forEach(Launch::close);
        swiGlu.close();
    }
}
