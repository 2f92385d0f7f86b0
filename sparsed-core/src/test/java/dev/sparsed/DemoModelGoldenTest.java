package dev.sparsed;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sparsed.GoldenCase.Recording;
import dev.sparsed.attention.AttentionMode;
import dev.sparsed.attention.AttentionPlan;
import dev.sparsed.internal.checkpoint.Checkpoint;
import dev.sparsed.internal.model.ForwardPass;
import dev.sparsed.internal.model.ModelConfig;
import dev.sparsed.internal.model.Transformer;
import dev.sparsed.spi.Backend;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.ExecutionContext;
import dev.sparsed.spi.Positions;
import dev.sparsed.spi.Tensor;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Replays the reference's runs of the trained demo model. Many of its confidences are exactly 1.0, which leaves the order of commits open:
 * outputs must match, and so must what the model computes on the recorded canvases, but not the canvases of every step.
 */
class DemoModelGoldenTest {

    static final Path MODEL = Path.of("../sparsed-bench/src/main/resources/dev/sparsed/bench/demo-model");

    private static final Path RECORDINGS = Path.of("src/test/resources/golden-demo");

    static Stream<Arguments> runs() {
        return GoldenCase.in(MODEL, RECORDINGS).stream()
                .flatMap(golden -> TestBackends.fast()
                        .flatMap(backend -> Stream.of(1, 2).map(threads -> Arguments.of(golden, backend, threads))));
    }

    /**
     * The scalar backend takes a quarter of an hour for all of them. Every build generates the short one and computes the others' recorded
     * steps; {@code -Dsparsed.golden.demo=all} generates them all, with one and two threads.
     */
    private static final boolean ALL =
            System.getProperty("sparsed.golden.demo", "").equals("all");

    static Stream<Arguments> generatedRuns() {
        Stream<Arguments> scalar = GoldenCase.in(MODEL, RECORDINGS).stream()
                .filter(golden -> TestBackends.withScalar())
                .filter(golden -> ALL || golden.name().equals("addition"))
                .flatMap(golden -> Stream.of(1, 2).map(threads -> Arguments.of(golden, "scalar", threads)));
        return Stream.concat(scalar, runs());
    }

    static Stream<Arguments> computedRuns() {
        Stream<Arguments> scalar = GoldenCase.in(MODEL, RECORDINGS).stream()
                .filter(golden -> TestBackends.withScalar())
                .flatMap(golden ->
                        (ALL ? Stream.of(1, 2) : Stream.of(2)).map(threads -> Arguments.of(golden, "scalar", threads)));
        return Stream.concat(scalar, runs());
    }

    @ParameterizedTest(name = "{0} on {1} with {2} threads")
    @MethodSource("generatedRuns")
    void generatesTheRecordedOutput(GoldenCase golden, String backend, int threads) {
        try (Recording recorded = golden.recording();
                DiffusionModel model = DiffusionModel.load(
                        MODEL,
                        LoadOptions.DEFAULT
                                .withBackend(backend)
                                .withThreads(threads)
                                .withDtype(DType.F32))) {
            assertThat(model.backend().name()).isEqualTo(backend);
            int[] prompt = recorded.ints("prompt");

            GenerationResult result = model.generate(golden.request(prompt));

            int[] output = recorded.ints("output");
            assertThat(output).startsWith(prompt);
            assertThat(output).endsWith(result.tokens());
            assertThat(output).hasSize(prompt.length + result.tokens().length);
        }
    }

    @ParameterizedTest(name = "{0} on {1} with {2} threads")
    @MethodSource("computedRuns")
    void computesTheRecordedLogitsAndBlockMasks(GoldenCase golden, String backend, int threads) {
        ModelConfig config = ModelConfig.read(MODEL);
        try (Recording recorded = golden.recording();
                Checkpoint checkpoint = Checkpoint.open(MODEL);
                Backend running =
                        Backends.open(LoadOptions.DEFAULT.withBackend(backend).withThreads(threads), DType.F32);
                ExecutionContext context = running.newContext()) {
            int canvas = recorded.canvas(0).length;
            Positions generated = Positions.range(recorded.ints("prompt").length, canvas);
            AttentionPlan plan = golden.plan(canvas, config);
            ForwardPass pass = Transformer.load(checkpoint, config, canvas, running)
                    .forwardPass(context, canvas, generated.count(), plan, () -> {});

            Tensor first = pass.logits(recorded.canvas(0), AttentionMode.DENSE, generated);
            GoldenReplayTest.assertClose(context, first, recorded.floats("logits_first"));
            if (golden.isSparse()) {
                int selecting = (int) (golden.steps() * 0.2) + 1;
                pass.logits(recorded.canvas(selecting), AttentionMode.DENSE_AND_SELECT, generated);
                GoldenReplayTest.assertPatterns(plan.patterns(), recorded, golden);
                Tensor sparse = pass.logits(recorded.canvas(selecting + 1), AttentionMode.BLOCK_SPARSE, generated);
                GoldenReplayTest.assertClose(context, sparse, recorded.floats("logits_first_sparse"));
            }
        }
    }
}
