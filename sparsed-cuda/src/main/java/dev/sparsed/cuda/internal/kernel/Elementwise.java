package dev.sparsed.cuda.internal.kernel;

import dev.sparsed.cuda.internal.driver.CudaStream;
import dev.sparsed.spi.DType;

/** elementwise.cu: SwiGLU's gate, sums, biases, guidance. */
public final class Elementwise implements AutoCloseable {

    private static final String FILE = "elementwise";
    private static final int THREADS = 256;

    /** What one thread takes at once. */
    private static final int PACK_BYTES = 16;

    private static final int MOST_ROWS = 65_535;

    private final Launch swiGlu;
    private final Launch add;
    private final Launch guide;
    private final Launch repeatBias;
    private final Launch repeatFloatBias;

    /**
     * For one stream.
     *
     * @param modules the device's kernels
     * @param stream where to run
     * @param dtype type of the activations
     */
    public Elementwise(KernelModules modules, CudaStream stream, DType dtype) {
        String type = Launch.suffix(dtype);
        swiGlu = new Launch(modules, FILE, "swiglu_" + type, stream);
        add = new Launch(modules, FILE, "add_" + type, stream);
        guide = new Launch(modules, FILE, "guide_f32", stream);
        repeatBias = new Launch(modules, FILE, "repeat_bias_" + type, stream);
        repeatFloatBias = new Launch(modules, FILE, "repeat_bias_f32", stream);
    }

    /**
     * {@code out = silu(gate) · up}.
     *
     * @param gate any shape
     * @param up the same
     * @param out the same; may be one of them
     */
    public void swiGlu(DeviceTensor gate, DeviceTensor up, DeviceTensor out) {
        swiGlu.arguments()
                .addPointer(gate.address())
                .addPointer(up.address())
                .addPointer(out.address())
                .addLong(gate.elements());
        swiGlu.run(blocks(gate), 1, 1, THREADS, 0);
    }

    /**
     * {@code x += y}.
     *
     * @param x any shape
     * @param y the same
     */
    public void add(DeviceTensor x, DeviceTensor y) {
        add.arguments().addPointer(x.address()).addPointer(y.address()).addLong(x.elements());
        add.run(blocks(x), 1, 1, THREADS, 0);
    }

    /**
     * {@code conditional = unconditional + factor·(conditional − unconditional)}.
     *
     * @param conditional F32, any shape
     * @param unconditional the same
     * @param factor w + 1
     */
    public void guide(DeviceTensor conditional, DeviceTensor unconditional, float factor) {
        guide.arguments()
                .addPointer(conditional.address())
                .addPointer(unconditional.address())
                .addFloat(factor)
                .addLong(conditional.elements());
        guide.run(blocks(conditional), 1, 1, THREADS, 0);
    }

    /**
     * Fills every row with a bias, for a matrix product to be added to: one rounding less than adding it afterwards.
     *
     * @param x {@code [rows, columns]}
     * @param bias {@code [1, columns]}, F32
     */
    public void repeatBias(DeviceTensor x, DeviceTensor bias) {
        Launch launch = x.dtype() == DType.F32 ? repeatFloatBias : repeatBias;
        launch.arguments()
                .addPointer(x.address())
                .addPointer(bias.address())
                .addInt(x.rows())
                .addInt(x.columns());
        launch.run(Math.ceilDiv(x.columns(), THREADS), Math.min(x.rows(), MOST_ROWS), 1, THREADS, 0);
    }

    private static int blocks(DeviceTensor tensor) {
        return Math.toIntExact(Math.ceilDiv(tensor.bytes(), (long) THREADS * PACK_BYTES));
    }

    @Override
    public void close() {
        swiGlu.close();
        add.close();
        guide.close();
        repeatBias.close();
        repeatFloatBias.close();
    }
}
