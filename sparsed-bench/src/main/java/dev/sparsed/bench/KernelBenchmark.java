package dev.sparsed.bench;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** How kernels are measured: operations per second, and what they are worth ({@link Rate}). */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 3, time = 1)
@Fork(
        value = 3,
        jvmArgsAppend = {"--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
public abstract class KernelBenchmark {

    private Device device;

    /** For JMH. */
    protected KernelBenchmark() {}

    /**
     * Opens a backend; it is closed when the trial ends.
     *
     * @param backend its name
     * @param threads threads that work on one operation; 0 for all processors
     * @return the device
     */
    final Device open(String backend, int threads) {
        device = new Device(backend, threads);
        return device;
    }

    /** {@return what {@link #open} opened} */
    final Device device() {
        return device;
    }

    /** Closes it. */
    @TearDown
    public void close() {
        device.close();
    }
}
