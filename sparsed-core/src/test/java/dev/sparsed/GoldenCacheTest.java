package dev.sparsed;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sparsed.GoldenCase.Recording;
import dev.sparsed.attention.AttentionMode;
import dev.sparsed.attention.AttentionPolicy;
import dev.sparsed.attention.GenerationShape;
import dev.sparsed.internal.checkpoint.Checkpoint;
import dev.sparsed.internal.model.ForwardPass;
import dev.sparsed.internal.model.ModelConfig;
import dev.sparsed.internal.model.Transformer;
import dev.sparsed.spi.Backend;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.ExecutionContext;
import dev.sparsed.spi.Positions;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Replays recorded runs of Fast-dLLM: prefix and dual cache, fixed schedule and threshold. golden-cache/README.md says what was recorded. */
class GoldenCacheTest {

    static Stream<Arguments> runs() {
        String property = System.getProperty("sparsed.golden.cache", "");
        Path folder = Path.of(property.isEmpty() ? "src/test/resources/golden-cache" : property);
        return GoldenReplayTest.runs(GoldenReplayTest.goldenFolder().resolve("llada-mha"), folder);
    }

    @ParameterizedTest(name = "{0} on {1} with {2} threads")
    @MethodSource("runs")
    void forwardsTheRecordedTokensAndGivesTheRecordedOutput(GoldenCase golden, String backend, int threads) {
        try (Recording recorded = golden.recording();
                DiffusionModel model = DiffusionModel.load(
                        golden.model(), LoadOptions.DEFAULT.withBackend(backend).withThreads(threads))) {
            assertThat(model.backend().name()).isEqualTo(backend);
            ForwardRecorder forwards = new ForwardRecorder();
            int[] prompt = recorded.ints("prompt");

            GenerationResult result = model.generate(golden.request(prompt), forwards);

            assertThat(forwards.calls).containsExactlyElementsOf(recordedCalls(golden, recorded));
            assertThat(result.forwards().count()).isEqualTo(forwards.calls.size());
            int[] output = recorded.ints("output");
            assertThat(result.tokens()).isEqualTo(Arrays.copyOfRange(output, prompt.length, output.length));
        }
    }

    @ParameterizedTest(name = "{0} on {1} with {2} threads")
    @MethodSource("runs")
    void computesTheRecordedLogits(GoldenCase golden, String backend, int threads) {
        ModelConfig config = ModelConfig.read(golden.model());
        try (Recording recorded = golden.recording();
                Checkpoint checkpoint = Checkpoint.open(golden.model());
                Backend running =
                        Backends.open(LoadOptions.DEFAULT.withBackend(backend).withThreads(threads), DType.F32);
                ExecutionContext context = running.newContext()) {
            int[] canvas = recorded.ints("forward.0");
            ForwardPass pass = Transformer.load(checkpoint, config, canvas.length, running)
                    .cachedForwardPass(
                            context,
                            canvas.length,
                            canvas.length,
                            AttentionPolicy.dense()
                                    .plan(new GenerationShape(
                                            canvas.length,
                                            1,
                                            1,
                                            config.layers(),
                                            config.heads().queryHeads())),
                            () -> {});
            GoldenReplayTest.assertClose(
                    context,
                    pass.logits(canvas, AttentionMode.DENSE, Positions.range(0, canvas.length)),
                    recorded.floats("logits_first"));
            if (recorded.has("logits_first_cached")) {
                int[] call = golden.forwards().get(1);
                int[] tokens = recorded.ints("forward.1");
                System.arraycopy(tokens, 0, canvas, call[0], call[1]);
                Positions rows = Positions.range(call[0], call[0] + call[1]);
                GoldenReplayTest.assertClose(
                        context,
                        pass.logits(canvas, AttentionMode.DENSE, rows, rows),
                        recorded.floats("logits_first_cached"));
            }
        }
    }

    /** Leaves out calls on a block without masks, which commit nothing. */
    private static List<Call> recordedCalls(GoldenCase golden, Recording recorded) {
        List<Call> calls = new ArrayList<>();
        int block = golden.json().get("case").get("block").asInt();
        int maskToken = ModelConfig.read(golden.model()).maskToken();
        List<int[]> forwards = golden.forwards();
        for (int i = 0; i < forwards.size(); i++) {
            int[] tokens = recorded.ints("forward." + i);
            boolean full = forwards.get(i)[0] == 0;
            boolean masks =
                    Arrays.stream(tokens, 0, full ? tokens.length : block).anyMatch(token -> token == maskToken);
            if (masks) {
                calls.add(new Call(forwards.get(i)[0], tokens));
            }
        }
        return calls;
    }

    private record Call(int start, int[] tokens) {
        @Override
        public boolean equals(Object other) {
            return other instanceof Call call && start == call.start && Arrays.equals(tokens, call.tokens);
        }

        @Override
        public int hashCode() {
            return Arrays.hashCode(tokens);
        }

        @Override
        public String toString() {
            return start + ": " + Arrays.toString(tokens);
        }
    }

    /** Rebuilds what every call forwarded from what a listener hears. */
    private static final class ForwardRecorder implements GenerationListener {

        private final List<Call> calls = new ArrayList<>();
        private int[] canvas = new int[0];

        @Override
        public void onStart(int[] start, int promptLength) {
            canvas = start;
        }

        @Override
        public void onStep(StepEvent event) {
            Positions rows = event.forwarded();
            if (rows.count() > 0) {
                int from = rows.get(0);
                calls.add(new Call(from, Arrays.copyOfRange(canvas, from, from + rows.count())));
            }
            event.commits().forEach(commit -> canvas[commit.position()] = commit.token());
        }
    }
}
