package dev.sparsed.cuda.internal;

import dev.sparsed.BackendInfo;
import dev.sparsed.BackendUnavailableException;
import dev.sparsed.cuda.internal.driver.CudaDevice;
import dev.sparsed.cuda.internal.driver.CudaStream;
import dev.sparsed.cuda.internal.driver.DeviceBuffer;
import dev.sparsed.cuda.internal.driver.PinnedStaging;
import dev.sparsed.cuda.internal.kernel.Conversion;
import dev.sparsed.cuda.internal.kernel.DeviceTensor;
import dev.sparsed.cuda.internal.kernel.KernelModules;
import dev.sparsed.cuda.internal.kernel.QuantizedTensor;
import dev.sparsed.cuda.internal.kernel.Quantizer;
import dev.sparsed.spi.Backend;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.ExecutionContext;
import dev.sparsed.spi.HostTensor;
import dev.sparsed.spi.Quantization;
import dev.sparsed.spi.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** A backend on a GPU: weights are copied to the device once, requests run on streams of their own. */
public final class CudaBackend implements Backend {

    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final List<AutoCloseable> opened = new ArrayList<>();
    private final Deque<Lane> idle = new ArrayDeque<>();
    private final CudaDevice device;
    private final DType dtype;
    private final Quantization quantization;
    private final KernelModules modules;
    private final BackendInfo info;
    private final CudaStream uploads;
    private @Nullable PinnedStaging staging;

    /**
     * Opens the first device.
     *
     * @param dtype type of activations and matrices, F32 or BF16
     * @param quantization of linear layers; FP8 needs a dtype of BF16
     * @throws BackendUnavailableException if CUDA or cuBLAS cannot be used here, or the device cannot multiply what is quantized
     */
    public CudaBackend(DType dtype, Quantization quantization) {
        this.dtype = dtype;
        this.quantization = quantization;
        try {
            device = opened(CudaDevice.open(0));
            requireServed(quantization, device);
            modules = opened(new KernelModules(device));
            uploads = opened(new CudaStream(device));
            Lane lane = new Lane(modules, dtype, quantization); // fails early where there is no cuBLAS
            idle.push(lane);
            info = info(lane);
        } catch (Throwable e) {
            closeAll();
            throw e;
        }
    }

    private <T extends AutoCloseable> T opened(T closeable) {
        opened.add(closeable);
        return closeable;
    }

    private static void requireServed(Quantization quantization, CudaDevice device) {
        int capability = device.computeCapability();
        if (quantization == Quantization.FP8 && capability < Quantizer.OLDEST_COMPUTE_CAPABILITY) {
            throw new BackendUnavailableException(device.name() + " (compute capability " + capability / 10 + "."
                    + capability % 10 + ") has no 8-bit floats, compute capability 8.9 is the first that has:"
                    + " load without quantization");
        }
    }

    private BackendInfo info(Lane lane) {
        Fp8 fp8 = lane.fp8;
        String products = fp8 == null
                ? lane.blas.description()
                : lane.blas.description() + ", linear layers in 8-bit floats (e4m3) by " + fp8.blas.description();
        int capability = device.computeCapability();
        String attention = AttentionChoice.summary(AttentionChoice.capability(device), dtype)
                + (fp8 == null ? "" : fp8.attentionSummary());
        String about = String.format(
                Locale.ROOT,
                "%s (compute capability %d.%d, %.0f GiB), CUDA driver %d.%d, %s, %s",
                device.name(),
                capability / 10,
                capability % 10,
                device.totalBytes() / 0x1p30,
                device.driverVersion() / 1000,
                device.driverVersion() % 1000 / 10,
                products,
                dtype == DType.F32 ? "float32 (no TF32)" : "bf16 with float32 sums");
        return new BackendInfo("cuda", about, 1, attention);
    }

    @Override
    public BackendInfo info() {
        return info;
    }

    @Override
    public synchronized Tensor upload(HostTensor tensor) {
        int dimensions = tensor.shape().size();
        if (dimensions != 1 && dimensions != 2 || !tensor.dtype().isFloat() || tensor.elements() == 0) {
            throw new IllegalArgumentException("tensor " + tensor.name() + ": a weight has one or two dimensions and is"
                    + " F32, F16 or BF16, this one is " + tensor.dtype() + tensor.shape());
        }
        device.bind();
        int columns = Math.toIntExact(tensor.shape().getLast());
        if (dimensions == 1) {
            return constant(widen(tensor), 1, columns);
        }
        DeviceTensor weight =
                weight(tensor.name(), dtype, Math.toIntExact(tensor.shape().getFirst()), columns);
        if (tensor.dtype() == dtype) {
            staging().upload(tensor.data(), weight.address());
        } else {
            try (DeviceBuffer raw = asItIs(tensor)) {
                new Conversion(modules, uploads)
                        .run(raw.address(), tensor.dtype(), weight.address(), dtype, weight.elements());
            }
        }
        uploads.synchronize(); // requests read it on streams of their own
        return weight;
    }

    @Override
    public synchronized Tensor uploadLinear(HostTensor tensor) {
        boolean matrix = tensor.shape().size() == 2 && tensor.dtype().isFloat() && tensor.elements() > 0;
        if (quantization != Quantization.FP8 || !matrix) {
            return upload(tensor);
        }
        int rows = Math.toIntExact(tensor.shape().getFirst());
        int columns = Math.toIntExact(tensor.shape().getLast());
        if (!Fp8.serves(rows, columns)) {
            return upload(tensor);
        }
        device.bind();
        DeviceBuffer buffer =
                opened(device.memory().allocate(QuantizedTensor.bytes(rows, columns), "weight " + tensor.name()));
        QuantizedTensor weight = new QuantizedTensor(buffer.address(), rows, columns);
        try (DeviceBuffer raw = asItIs(tensor);
                Quantizer quantizer = new Quantizer(modules, uploads)) {
            quantizer.run(raw.address(), tensor.dtype(), weight);
        }
        uploads.synchronize(); // requests read it on streams of their own
        return weight;
    }

    /** {@return the tensor on the device; what is submitted to the uploads' stream before it is closed may use it} */
    private DeviceBuffer asItIs(HostTensor tensor) {
        DeviceBuffer raw = device.memory()
                .borrow(tensor.data().byteSize(), "tensor " + tensor.name() + " as it is on disk", uploads);
        try {
            staging().upload(tensor.data(), raw.address());
            return raw;
        } catch (RuntimeException e) {
            raw.close();
            throw e;
        }
    }

    @Override
    public synchronized Tensor constant(float[] values, int rows, int columns) {
        device.bind();
        DeviceTensor constant = weight("a constant", DType.F32, rows, columns);
        staging().upload(MemorySegment.ofArray(values).asSlice(0, constant.bytes()), constant.address());
        uploads.synchronize();
        return constant;
    }

    private DeviceTensor weight(String name, DType type, int rows, int columns) {
        DeviceTensor shape = new DeviceTensor(0, type, rows, columns);
        DeviceBuffer buffer = opened(device.memory().allocate(shape.bytes(), "weight " + name));
        return new DeviceTensor(buffer.address(), type, rows, columns);
    }

    /** Two pinned slices, kept while weights are uploaded. */
    private PinnedStaging staging() {
        PinnedStaging current = staging;
        if (current == null) {
            current = new PinnedStaging(device, uploads, PinnedStaging.UPLOAD_SLICE);
            staging = current;
        }
        return current;
    }

    /** Norm weights and biases are small: as floats they cost the kernels no conversion. */
    private static float[] widen(HostTensor vector) {
        float[] widened = new float[Math.toIntExact(vector.elements())];
        for (int i = 0; i < widened.length; i++) {
            widened[i] = switch (vector.dtype()) {
                case F32 -> vector.data().get(FLOAT, (long) i * Float.BYTES);
                case F16 -> Float.float16ToFloat(vector.data().get(SHORT, (long) i * Short.BYTES));
                default -> Float.intBitsToFloat(vector.data().get(SHORT, (long) i * Short.BYTES) << Short.SIZE);
            };
        }
        return widened;
    }

    @Override
    public synchronized ExecutionContext newContext() {
        device.bind();
        if (staging != null) { // the model is loaded
            staging.close();
            staging = null;
        }
        Lane lane = idle.isEmpty() ? new Lane(modules, dtype, quantization) : idle.pop();
        return new CudaContext(device, dtype, lane, this::giveBack);
    }

    private synchronized void giveBack(Lane lane) {
        idle.push(lane);
    }

    @Override
    public synchronized void close() {
        closeAll();
    }

    private void closeAll() {
        List<AutoCloseable> everything = new ArrayList<>(opened);
        opened.clear();
        if (staging != null) {
            everything.add(staging);
            staging = null;
        }
        everything.addAll(idle);
        idle.clear();
        if (!everything.isEmpty()) {
            Closing.all(everything);
        }
    }
}
