package dev.sparsed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.sparsed.attention.AttentionMode;
import dev.sparsed.attention.AttentionPlan;
import dev.sparsed.attention.AttentionPolicy;
import dev.sparsed.attention.GenerationShape;
import dev.sparsed.attention.SparseD;
import dev.sparsed.diffusion.CacheMode;
import dev.sparsed.diffusion.Remasking;
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
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Prefix and dual cache, on both families, with every commit rule and policy. */
class CacheTest {

    private static final Path GOLDEN = Path.of("src/test/resources/golden");

    private record Setting(String name, UnaryOperator<GenerationRequest.Builder> apply) {
        @Override
        public String toString() {
            return name;
        }
    }

    static Stream<Arguments> combinations() {
        List<Setting> rules = List.of(
                new Setting("schedule", b -> b.remasking(Remasking.LOW_CONFIDENCE)),
                new Setting("threshold", b -> b.threshold(0.2)),
                new Setting("factor", b -> b.factor(3)),
                new Setting("entropy bound", b -> b.entropyBound(2)),
                new Setting(
                        "origin", b -> b.alg(Remasking.ORIGIN).temperature(0.5).seed(3)),
                new Setting(
                        "entropy", b -> b.alg(Remasking.ENTROPY).algTemp(0.3).topP(0.9)),
                new Setting("guided", b -> b.remasking(Remasking.LOW_CONFIDENCE).cfgScale(1)));
        List<AttentionPolicy> policies = List.of(AttentionPolicy.dense(), new SparseD(0.1, 0.4, 8));
        return Stream.of("llada-gqa", "dream-gqa")
                .flatMap(model -> Stream.of(CacheMode.PREFIX, CacheMode.DUAL)
                        .flatMap(cache -> rules.stream()
                                .flatMap(rule ->
                                        policies.stream().map(policy -> Arguments.of(model, cache, rule, policy)))));
    }

    private static GenerationRequest.Builder request() {
        return GenerationRequest.builder()
                .promptTokens(
                        IntStream.range(0, 37).map(i -> (i * 37 + 11) % 150).toArray())
                .genLength(24)
                .blockLength(12)
                .steps(24);
    }

    /** The cache is the only difference: with a refresh in every step there is none. */
    @ParameterizedTest(name = "{0}, {1} cache, {2}, {3}")
    @MethodSource("combinations")
    void aRefreshInEveryStepIsExact(String model, CacheMode cache, Setting rule, AttentionPolicy policy) {
        try (DiffusionModel loaded = DiffusionModel.load(GOLDEN.resolve(model))) {
            List<List<Commit>> expected = new ArrayList<>();
            loaded.generate(rule.apply().apply(request().policy(policy)).build(), e -> expected.add(e.commits()));
            List<List<Commit>> refreshed = new ArrayList<>();
            GenerationResult result = loaded.generate(
                    rule.apply()
                            .apply(request().policy(policy).cache(cache).cacheInterval(1))
                            .build(),
                    e -> refreshed.add(e.commits()));
            assertThat(refreshed).isEqualTo(expected);
            assertThat(result.forwards().cached()).isZero();
        }
    }

    /** One full pass per block, and one where the pattern is selected. */
    @ParameterizedTest(name = "{0}, {1} cache, {2}, {3}")
    @MethodSource("combinations")
    void aCachedStepForwardsItsRowsAlone(String model, CacheMode cache, Setting rule, AttentionPolicy policy) {
        try (DiffusionModel loaded = DiffusionModel.load(GOLDEN.resolve(model))) {
            List<StepEvent> events = new ArrayList<>();
            GenerationResult result = loaded.generate(
                    rule.apply().apply(request().policy(policy).cache(cache)).build(), events::add);
            assertThat(result.tokens()).hasSize(24).doesNotContain(159);
            int blockStart = 0;
            for (StepEvent event : events) {
                Positions rows = event.forwarded();
                boolean full = rows.count() == 61;
                if (rows.count() > 0 && !full) {
                    blockStart = rows.get(0);
                    assertThat(blockStart).isIn(37, 49);
                    assertThat(rows.count()).isEqualTo(cache == CacheMode.DUAL ? 12 : 61 - blockStart);
                    assertThat(event.attention()).isNotEqualTo(AttentionMode.DENSE_AND_SELECT);
                }
            }
            assertThat(result.forwards().full())
                    .isBetween(2, 2 + result.timings().selectSteps());
            assertThat(result.forwards().tokens())
                    .isEqualTo(events.stream()
                            .mapToLong(event -> event.forwarded().count())
                            .sum());
            assertThat(blockStart).isPositive();
        }
    }

    /** A row's key and value depend on the canvas alone, so on an unchanged canvas a cached pass computes what the full one did. */
    @ParameterizedTest
    @CsvSource({"llada-gqa, scalar", "llada-gqa, vector", "dream-gqa, scalar", "dream-gqa, vector"})
    void onAnUnchangedCanvasACachedPassRepeatsTheFullOne(String model, String backend) {
        ModelConfig config = ModelConfig.read(GOLDEN.resolve(model));
        int[] canvas =
                IntStream.range(0, 75).map(i -> i < 40 ? i * 7 % 150 : 159).toArray();
        try (Checkpoint checkpoint = Checkpoint.open(GOLDEN.resolve(model));
                Backend running = Backends.open(LoadOptions.DEFAULT.withBackend(backend), DType.F32);
                ExecutionContext context = running.newContext()) {
            AttentionPlan plan = new SparseD(0, 0.4, 8)
                    .plan(new GenerationShape(
                            75, 35, 8, config.layers(), config.heads().queryHeads()));
            ForwardPass pass = Transformer.load(checkpoint, config, 75, running)
                    .cachedForwardPass(context, 75, 75, plan, () -> {});
            Positions eligible = Positions.of(43, 44, 50, 51);
            pass.logits(canvas, AttentionMode.DENSE_AND_SELECT, eligible);
            for (AttentionMode mode : List.of(AttentionMode.DENSE, AttentionMode.BLOCK_SPARSE)) {
                float[] full = copy(context, pass.logits(canvas, mode, eligible));
                for (Positions rows : List.of(Positions.range(42, 75), Positions.range(42, 52))) {
                    float[] cached = copy(context, pass.logits(canvas, mode, rows, eligible));
                    assertThat(cached).as(mode + " " + rows).containsExactly(full);
                }
            }
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> pass.logits(canvas, AttentionMode.DENSE, Positions.range(46, 75), eligible))
                    .withMessageContaining("not among those forwarded");
            assertThatIllegalArgumentException()
                    .isThrownBy(() ->
                            pass.logits(canvas, AttentionMode.DENSE_AND_SELECT, Positions.range(42, 75), eligible));
        }
    }

    private static float[] copy(ExecutionContext context, Tensor logits) {
        float[] copy = new float[logits.rows() * logits.columns()];
        context.download(logits, copy);
        return copy;
    }
}
