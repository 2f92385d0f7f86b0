package dev.sparsed.bench;

import dev.sparsed.spi.Backend;
import dev.sparsed.spi.BackendOptions;
import dev.sparsed.spi.BackendProvider;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.ExecutionContext;
import dev.sparsed.spi.HostTensor;
import dev.sparsed.spi.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Random;
import java.util.ServiceLoader;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The matrix product of a linear layer: {@value #ROWS} tokens, {@value #FEATURES} features in and out, bf16 weights. One operation is one
 * floating-point operation, so JMH's {@code ops/ns} reads as GFLOP/s.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(
        value = 2,
        jvmArgsAppend = {"--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
public class LinearBenchmark {

    private static final int ROWS = 512;
    private static final int FEATURES = 1024;

    /** Name of the backend; the benchmark fails if it cannot run. */
    @Param({"scalar", "vector"})
    public String backend;

    /** Threads that work on one product. */
    @Param("1")
    public int threads;

    private Arena arena;
    private Backend device;
    private ExecutionContext context;
    private Tensor x;
    private Tensor weight;
    private Tensor out;

    /** Opens the backend and makes the operands. */
    @Setup
    public void open() {
        BackendProvider provider = ServiceLoader.load(BackendProvider.class).stream()
                .map(ServiceLoader.Provider::get)
                .filter(offered -> offered.name().equals(backend))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("there is no backend named " + backend));
        device = provider.open(new BackendOptions(threads));
        context = device.newContext();
        arena = Arena.ofShared();

        Random random = new Random(1);
        MemorySegment bf16 = arena.allocate(2L * FEATURES * FEATURES, 64);
        ValueLayout.OfShort element = ValueLayout.JAVA_SHORT.withOrder(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < FEATURES * FEATURES; i++) {
            int bits = Float.floatToRawIntBits((float) random.nextGaussian());
            bf16.setAtIndex(element, i, (short) (bits >>> 16));
        }
        weight = device.upload(new HostTensor("weight", DType.BF16, List.of((long) FEATURES, (long) FEATURES), bf16));
        float[] values = new float[ROWS * FEATURES];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        x = device.constant(values, ROWS, FEATURES);
        out = context.allocate(ROWS, FEATURES);
    }

    /** Closes what {@link #open} opened. */
    @TearDown
    public void close() {
        context.close();
        device.close();
        arena.close();
    }

    /**
     * One product.
     *
     * @return the result, for JMH to keep
     */
    @Benchmark
    @OperationsPerInvocation(2 * ROWS * FEATURES * FEATURES)
    public Tensor linear() {
        context.linear(x, weight, null, out);
        return out;
    }
}
