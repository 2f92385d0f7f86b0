package dev.sparsed.cuda.internal;

import dev.sparsed.cuda.internal.driver.CudaDevice;
import dev.sparsed.cuda.internal.driver.CudaStream;
import dev.sparsed.cuda.internal.driver.DeviceBuffer;
import dev.sparsed.cuda.internal.kernel.DeviceTensor;
import dev.sparsed.cuda.internal.kernel.QuantizedTensor;
import dev.sparsed.spi.AttentionBackend;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.ExecutionContext;
import dev.sparsed.spi.GreedyCandidates;
import dev.sparsed.spi.LinearLayer;
import dev.sparsed.spi.Positions;
import dev.sparsed.spi.SwiGluMlp;
import dev.sparsed.spi.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** One request on the GPU: checks arguments, and submits the operations to its lane's stream. Only downloads and candidates wait. */
final class CudaContext implements ExecutionContext {

    /**
     * 0.4 GB for each of LLaDA-8B's two inner activations. With 8,192 rows block-sparse steps of 16,384 and 65,536 tokens take 10 and 2 % longer
     * in 8 bits; with 65,536, a step takes 1 % less.
     */
    private static final int ROWS_AT_A_TIME = 16_384;

    private final CudaDevice device;
    private final DType dtype;
    private final Lane lane;
    private final Consumer<Lane> giveBack;
    private final List<AutoCloseable> opened = new ArrayList<>();
    private final Recordings recordings;
    private final Scratch tokenIds;
    private final Scratch positions;
    private final Scratch candidates;
    private final CudaAttention attention;
    private final CudaLinear linear;
    private final Fp8Linear fp8;

    /** The token ids of the operations being run or recorded, uploaded before them; null outside of {@link #replayable}. */
    private int @Nullable [] replayedTokens;

    private boolean closed;

    /**
     * A request on a lane.
     *
     * @param device the device
     * @param dtype type of the activations
     * @param lane what the request has to itself
     * @param giveBack receives the lane afterwards
     */
    CudaContext(CudaDevice device, DType dtype, Lane lane, Consumer<Lane> giveBack) {
        this.device = device;
        this.dtype = dtype;
        this.lane = lane;
        this.giveBack = giveBack;
        this.recordings = opened(new Recordings(lane.stream));
        this.tokenIds = opened(new Scratch(lane.stream, "token ids", recordings::clear));
        this.positions = opened(new Scratch(lane.stream, "positions", recordings::clear));
        this.candidates = opened(new Scratch(lane.stream, "candidates", () -> {}));
        this.linear = new CudaLinear(lane, dtype);
        this.fp8 = opened(new Fp8Linear(lane, linear, recordings::clear));
        this.attention = opened(new CudaAttention(lane, dtype, recordings::clear, this::bind));
    }

    private <T extends AutoCloseable> T opened(T closeable) {
        opened.add(closeable);
        return closeable;
    }

    /** A request may move from thread to thread. */
    private void bind() {
        if (closed) {
            throw new IllegalStateException("the context is closed");
        }
        device.bind();
    }

    @Override
    public Tensor allocate(int rows, int columns) {
        return allocate(dtype, rows, columns);
    }

    @Override
    public Tensor allocateFloats(int rows, int columns) {
        return allocate(DType.F32, rows, columns);
    }

    private Tensor allocate(DType type, int rows, int columns) {
        bind();
        long bytes = Math.max(1, (long) rows * columns * type.bytes());
        String purpose = "an activation of " + type + " [" + rows + ", " + columns + "]";
        DeviceBuffer buffer = opened(device.memory().borrow(bytes, purpose, lane.stream));
        return new DeviceTensor(buffer.address(), type, rows, columns);
    }

    @Override
    public int rowsAtATime() {
        return ROWS_AT_A_TIME;
    }

    @Override
    public void replayable(Object key, int[] tokens, Runnable operations) {
        bind();
        tokenIds.upload(tokens); // beforehand: a recording holds the address, not the ids
        replayedTokens = tokens;
        try {
            recordings.run(key, operations);
        } finally {
            replayedTokens = null;
        }
    }

    @Override
    public void embed(Tensor table, int[] tokens, Tensor out) {
        bind();
        DeviceTensor weights = Arguments.tensor("table", table, dtype);
        DeviceTensor result = Arguments.tensor("out", out, dtype, tokens.length, weights.columns());
        for (int i = 0; i < tokens.length; i++) {
            Arguments.check(
                    tokens[i] >= 0 && tokens[i] < weights.rows(),
                    () -> "a token id is not in the vocabulary of " + weights.rows());
        }
        if (tokens.length > 0) {
            long ids = tokens == replayedTokens ? tokenIds.address(0) : tokenIds.upload(tokens);
            lane.rows.run(weights, ids, result);
        }
    }

    @Override
    public void rmsNorm(Tensor x, Tensor weight, float epsilon, Tensor out) {
        norm(x, null, weight, epsilon, out);
    }

    @Override
    public void addThenRmsNorm(Tensor x, Tensor y, Tensor weight, float epsilon, Tensor out) {
        norm(x, Arguments.tensor("y", y, dtype, x.rows(), x.columns()), weight, epsilon, out);
    }

    private void norm(Tensor x, @Nullable DeviceTensor y, Tensor weight, float epsilon, Tensor out) {
        bind();
        DeviceTensor rows = Arguments.tensor("x", x, dtype);
        DeviceTensor factors = Arguments.tensor("weight", weight, DType.F32, 1, x.columns());
        DeviceTensor result = Arguments.tensor("out", out, dtype, x.rows(), x.columns());
        if (rows.rows() > 0) {
            lane.rmsNorm.run(rows, y, factors, epsilon, result);
        }
    }

    @Override
    public void linear(Tensor x, Tensor weight, @Nullable Tensor bias, Tensor out) {
        linear(x, List.of(new LinearLayer(weight, bias)), List.of(out));
    }

    @Override
    public void linear(Tensor x, List<LinearLayer> layers, List<Tensor> outs) {
        bind();
        if (Fp8Linear.serves(layers)) {
            fp8.run(x, layers, outs);
        } else {
            linear.run(x, layers, outs);
        }
    }

    @Override
    public void mlp(Tensor x, SwiGluMlp weights, Tensor gate, Tensor up, Tensor out) {
        if (weights.down() instanceof QuantizedTensor down) {
            linear(x, weights.inner(), List.of(gate, up));
            DeviceTensor gates = Arguments.tensor("gate", gate, dtype);
            DeviceTensor ups = Arguments.tensor("up", up, dtype, gate.rows(), gate.columns());
            fp8.afterSwiGlu(gates, ups, down, out);
        } else {
            ExecutionContext.super.mlp(x, weights, gate, up, out);
        }
    }

    @Override
    public void rope(Tensor x, int headDim, Tensor cos, Tensor sin, Positions rows) {
        bind();
        DeviceTensor vectors = Arguments.tensor("x", x, dtype);
        Arguments.check(headDim > 0 && headDim % 2 == 0, () -> "headDim = " + headDim + ": must be even");
        Arguments.check(x.columns() % headDim == 0, () -> x.columns() + " columns: no multiple of headDim " + headDim);
        Arguments.positions("x", x, rows, cos.rows());
        DeviceTensor cosines = Arguments.tensor("cos", cos, DType.F32, cos.rows(), headDim / 2);
        DeviceTensor sines = Arguments.tensor("sin", sin, DType.F32, cos.rows(), headDim / 2);
        if (rows.count() > 0) {
            long uploaded = Arguments.areConsecutive(rows) ? 0 : positions.upload(rows.toArray());
            lane.rope.run(vectors, headDim, cosines, sines, uploaded, rows.get(0));
        }
    }

    @Override
    public void swiGlu(Tensor gate, Tensor up, Tensor out) {
        bind();
        DeviceTensor gates = Arguments.tensor("gate", gate, dtype);
        DeviceTensor ups = Arguments.tensor("up", up, dtype, gate.rows(), gate.columns());
        DeviceTensor result = Arguments.tensor("out", out, dtype, gate.rows(), gate.columns());
        if (gates.elements() > 0) {
            lane.elementwise.swiGlu(gates, ups, result);
        }
    }

    @Override
    public void add(Tensor x, Tensor y) {
        bind();
        DeviceTensor sum = Arguments.tensor("x", x, dtype);
        DeviceTensor added = Arguments.tensor("y", y, dtype, x.rows(), x.columns());
        if (sum.elements() > 0) {
            lane.elementwise.add(sum, added);
        }
    }

    @Override
    public void gather(Tensor x, Positions rows, Tensor out) {
        bind();
        DeviceTensor from = Arguments.tensor("x", x, null);
        DeviceTensor to = Arguments.tensor("out", out, from.dtype(), rows.count(), x.columns());
        Arguments.positions("out", out, rows, x.rows());
        if (rows.count() > 0) {
            (from.dtype() == dtype ? lane.rows : lane.floatRows).run(from, positions.upload(rows.toArray()), to);
        }
    }

    @Override
    public void guide(Tensor conditional, Tensor unconditional, float scale) {
        bind();
        DeviceTensor guided = Arguments.tensor("conditional", conditional, DType.F32);
        DeviceTensor other =
                Arguments.tensor("unconditional", unconditional, DType.F32, conditional.rows(), conditional.columns());
        if (guided.elements() > 0) {
            lane.elementwise.guide(guided, other, scale + 1);
        }
    }

    @Override
    public void greedy(Tensor logits, GreedyCandidates result) {
        bind();
        DeviceTensor rows = Arguments.tensor("logits", logits, DType.F32);
        Arguments.check(
                result.rows() == rows.rows(), () -> rows.rows() + " rows, room for " + result.rows() + " candidates");
        if (rows.rows() == 0) {
            return;
        }
        long bytes = (long) rows.rows() * Integer.BYTES;
        long address = candidates.address(4 * bytes);
        lane.greedy.run(
                rows,
                address,
                address + bytes,
                result.margins() == null ? 0 : address + 2 * bytes,
                result.negativeEntropies() == null ? 0 : address + 3 * bytes);
        candidates.download(0, MemorySegment.ofArray(result.tokens()));
        candidates.download(bytes, MemorySegment.ofArray(result.probabilities()));
        if (result.margins() != null) {
            candidates.download(2 * bytes, MemorySegment.ofArray(result.margins()));
        }
        if (result.negativeEntropies() != null) {
            candidates.download(3 * bytes, MemorySegment.ofArray(result.negativeEntropies()));
        }
    }

    @Override
    public void download(Tensor x, float[] destination) {
        bind();
        DeviceTensor from = Arguments.tensor("x", x, null);
        int elements = Math.toIntExact(from.elements());
        if (elements == 0) {
            return;
        }
        if (from.dtype() == DType.F32) {
            lane.stream.download(
                    from.address(), MemorySegment.ofArray(destination).asSlice(0, from.bytes()));
        } else {
            short[] upperHalves = new short[elements];
            lane.stream.download(from.address(), MemorySegment.ofArray(upperHalves));
            for (int i = 0; i < elements; i++) {
                destination[i] = Float.intBitsToFloat(upperHalves[i] << Short.SIZE);
            }
        }
    }

    /** {@return the stream the operations are submitted to} */
    CudaStream stream() {
        return lane.stream;
    }

    @Override
    public AttentionBackend attention() {
        return attention;
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        bind();
        closed = true;
        try {
            Closing.all(opened);
        } finally {
            giveBack.accept(lane);
        }
    }
}
