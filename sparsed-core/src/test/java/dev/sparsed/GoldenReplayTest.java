package dev.sparsed;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sparsed.GoldenCase.Recording;
import dev.sparsed.attention.AttentionMode;
import dev.sparsed.attention.AttentionPlan;
import dev.sparsed.attention.BlockPattern;
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
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Replays recorded runs of the public reference code. Canvases of every step, outputs and block masks must match exactly, logits to 2e-3;
 * golden/README.md says what was recorded and how far the recorded decisions are from a tie.
 */
class GoldenReplayTest {

    private static final float LOGITS_TOLERANCE = 2e-3f;

    static Path goldenFolder() {
        String folder = System.getProperty("sparsed.golden", "");
        return folder.isEmpty() ? Path.of("src/test/resources/golden") : Path.of(folder);
    }

    static Stream<Arguments> allRuns() {
        return Stream.of("llada-mha", "llada-gqa", "dream-gqa")
                .map(goldenFolder()::resolve)
                .flatMap(folder -> runs(folder, folder));
    }

    /** Every case of a folder on every backend, with one thread and with two. */
    static Stream<Arguments> runs(Path model, Path recordings) {
        List<GoldenCase> cases = GoldenCase.in(model, recordings);
        assertThat(cases).as("recordings in " + recordings).isNotEmpty();
        return cases.stream()
                .flatMap(golden -> TestBackends.names()
                        .flatMap(backend -> Stream.of(1, 2).map(threads -> Arguments.of(golden, backend, threads))));
    }

    @ParameterizedTest(name = "{0} on {1} with {2} threads")
    @MethodSource("allRuns")
    void generatesTheRecordedCanvases(GoldenCase golden, String backend, int threads) {
        try (Recording recorded = golden.recording();
                DiffusionModel model = DiffusionModel.load(
                        golden.model(), LoadOptions.DEFAULT.withBackend(backend).withThreads(threads))) {
            assertThat(model.backend().name()).isEqualTo(backend);
            CanvasRecorder canvases = new CanvasRecorder();

            GenerationResult result = model.generate(golden.request(recorded.ints("prompt")), canvases);

            for (int step = 0; step <= golden.steps(); step++) {
                assertThat(canvases.before(step))
                        .as("canvas before step " + step)
                        .isEqualTo(recorded.canvas(step));
            }
            assertThat(canvases.before(golden.steps())).isEqualTo(recorded.ints("output"));
            assertThat(result.tokens()).hasSize(golden.genLength());
            assertPatterns(result.patterns(), recorded, golden);
        }
    }

    @ParameterizedTest(name = "{0} on {1} with {2} threads")
    @MethodSource("allRuns")
    void computesTheRecordedLogitsAndBlockMasks(GoldenCase golden, String backend, int threads) {
        String shifted = golden.model().getFileName().toString().startsWith("dream") ? "_shifted" : "";
        ModelConfig config = ModelConfig.read(golden.model());
        try (Recording recorded = golden.recording();
                Checkpoint checkpoint = Checkpoint.open(golden.model());
                Backend running =
                        Backends.open(LoadOptions.DEFAULT.withBackend(backend).withThreads(threads), DType.F32);
                ExecutionContext context = running.newContext()) {
            int canvas = recorded.canvas(0).length;
            Positions everywhere = Positions.range(0, canvas);
            AttentionPlan plan = golden.plan(canvas, config);
            ForwardPass pass = Transformer.load(checkpoint, config, canvas, running)
                    .forwardPass(context, canvas, canvas, plan, () -> {});

            Tensor first = pass.logits(recorded.canvas(0), AttentionMode.DENSE, everywhere);
            assertClose(context, first, recorded.floats("logits_first" + shifted));
            if (golden.isSparse()) {
                int selecting = 0;
                while (plan.at(selecting) != AttentionMode.DENSE_AND_SELECT) {
                    selecting++;
                }
                pass.logits(recorded.canvas(selecting), AttentionMode.DENSE_AND_SELECT, everywhere);
                assertPatterns(plan.patterns(), recorded, golden);
                Tensor sparse = pass.logits(recorded.canvas(selecting + 1), AttentionMode.BLOCK_SPARSE, everywhere);
                assertClose(context, sparse, recorded.floats("logits_first_sparse" + shifted));
            }
        }
    }

    static void assertClose(ExecutionContext context, Tensor logits, float[] recorded) {
        float[] computed = new float[logits.rows() * logits.columns()];
        context.download(logits, computed);
        assertThat(computed).hasSameSizeAs(recorded);
        float worst = 0;
        for (int i = 0; i < computed.length; i++) {
            assertThat(computed[i]).isFinite();
            worst = Math.max(worst, Math.abs(computed[i] - recorded[i]));
        }
        assertThat(worst).as("largest difference of logits").isLessThanOrEqualTo(LOGITS_TOLERANCE);
    }

    static void assertPatterns(List<BlockPattern> patterns, Recording recorded, GoldenCase golden) {
        if (!golden.isSparse()) {
            assertThat(patterns).isEmpty();
            return;
        }
        assertThat(recorded.has("block_mask." + (patterns.size() - 1))).isTrue();
        assertThat(recorded.has("block_mask." + patterns.size())).isFalse();
        for (int layer = 0; layer < patterns.size(); layer++) {
            BlockPattern pattern = patterns.get(layer);
            assertThat(pattern.layout().firstGenerationBlock())
                    .isEqualTo(golden.json().get("first_generation_block").asInt());
            int blocks = pattern.layout().blocks();
            for (int head = 0; head < pattern.heads(); head++) {
                for (int i = 0; i < blocks; i++) {
                    for (int j = 0; j < blocks; j++) {
                        assertThat(pattern.isKept(head, i, j))
                                .as("layer %d, head %d, query block %d, key block %d", layer, head, i, j)
                                .isEqualTo(recorded.kept(layer, head, i, j));
                    }
                }
            }
        }
    }

    /** Rebuilds the canvas before every step from what a listener hears. */
    private static final class CanvasRecorder implements GenerationListener {

        private final List<int[]> canvases = new ArrayList<>();

        @Override
        public void onStart(int[] canvas, int promptLength) {
            canvases.add(canvas);
        }

        @Override
        public void onStep(StepEvent event) {
            int[] next = canvases.getLast().clone();
            event.commits().forEach(commit -> next[commit.position()] = commit.token());
            canvases.add(next);
        }

        int[] before(int step) {
            return canvases.get(step);
        }
    }
}
