package dev.sparsed.bench;

import dev.sparsed.DiffusionModel;
import dev.sparsed.GenerationRequest;
import dev.sparsed.GenerationResult;
import dev.sparsed.LoadOptions;
import dev.sparsed.attention.AttentionPolicy;
import dev.sparsed.attention.SparseD;
import dev.sparsed.spi.DType;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A whole forward pass and a whole generation through the public API, on random bf16 weights. {@code sparsed bench-forward} takes less time
 * for long canvases: it adds up a generation from some of its steps.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 3, time = 1)
@Fork(
        value = 3,
        jvmArgsAppend = {"--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED"})
public class GenerationBenchmark {

    private static final int GENERATED = 128;
    private static final int STEPS = 16;

    /** S, M or demo. */
    @Param({"S", "M", "demo"})
    public String shape;

    /** Name of the backend; the benchmark fails if it cannot run. */
    @Param("vector")
    public String backend;

    /** Threads that work on one operation; 0 for all processors. */
    @Param("0")
    public int threads;

    /** Tokens of the canvas, at least 128: so many are masks at the start. */
    @Param("512")
    public int tokens;

    private RandomCheckpoint checkpoint;
    private DiffusionModel model;
    private double fmaPeak;
    private double flops;
    private int[] prompt;

    /** For JMH. */
    public GenerationBenchmark() {}

    /** Writes and loads the model. */
    @Setup
    public void open() {
        ModelShape extents = ModelShape.of(shape);
        checkpoint = RandomCheckpoint.write(extents, DType.BF16, tokens, 1);
        model = DiffusionModel.load(
                checkpoint.folder(), LoadOptions.DEFAULT.withBackend(backend).withThreads(threads));
        fmaPeak = FmaPeak.measure(model.backend().threads());
        flops = extents.flops(tokens, GENERATED, 1, false);
        prompt = new SplittableRandom(1)
                .ints(tokens - GENERATED, 0, RandomCheckpoint.maskToken(extents))
                .toArray();
    }

    /** Closes the model and deletes it. */
    @TearDown
    public void close() {
        try {
            model.close();
        } finally {
            checkpoint.close(); // last: the weights are mapped from it
        }
    }

    /**
     * One dense forward pass: a generation of one step.
     *
     * @param rate counts it
     * @return the result, for JMH to keep
     */
    @Benchmark
    public GenerationResult forward(Rate rate) {
        GenerationResult result = generate(1, AttentionPolicy.dense());
        rate.count(flops, fmaPeak);
        return result;
    }

    /**
     * A generation of {@value #STEPS} dense steps.
     *
     * @return the result, for JMH to keep
     */
    @Benchmark
    public GenerationResult dense() {
        return generate(STEPS, AttentionPolicy.dense());
    }

    /**
     * A generation of {@value #STEPS} steps with SparseD, in the paper's setting for short contexts.
     *
     * @return the result, for JMH to keep
     */
    @Benchmark
    public GenerationResult sparseD() {
        return generate(STEPS, SparseD.shortContext());
    }

    private GenerationResult generate(int steps, AttentionPolicy policy) {
        return model.generate(GenerationRequest.builder()
                .promptTokens(prompt)
                .genLength(GENERATED)
                .steps(steps)
                .policy(policy)
                .build());
    }
}
