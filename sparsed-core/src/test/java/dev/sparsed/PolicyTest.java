package dev.sparsed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.sparsed.attention.Antidiagonal;
import dev.sparsed.attention.AttentionMode;
import dev.sparsed.attention.AttentionPlan;
import dev.sparsed.attention.AttentionPolicy;
import dev.sparsed.attention.Coverage;
import dev.sparsed.attention.GenerationShape;
import dev.sparsed.attention.KeptMass;
import dev.sparsed.attention.PowerStrided;
import dev.sparsed.attention.SinkWindow;
import dev.sparsed.attention.SlidingWindow;
import dev.sparsed.attention.SparseD;
import dev.sparsed.attention.SparseDAblation.Part;
import dev.sparsed.attention.Strided;
import dev.sparsed.attention.UniformRandom;
import dev.sparsed.attention.VerticalSlash;
import dev.sparsed.diffusion.CacheMode;
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
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every policy on a whole model. */
class PolicyTest {

    private static final Path MODEL = Path.of("src/test/resources/golden/llada-gqa");

    private static GenerationRequest.Builder request() {
        return GenerationRequest.builder()
                .promptTokens(
                        IntStream.range(0, 37).map(i -> (i * 37 + 11) % 150).toArray())
                .genLength(24)
                .blockLength(12)
                .steps(24);
    }

    /** With everything kept, whatever the schedule. */
    static Stream<AttentionPolicy> keepingAll() {
        return Stream.of(
                new SlidingWindow(1, 8),
                new SinkWindow(1, 1, 8),
                new Strided(1, 8),
                new PowerStrided(8, 8),
                new UniformRandom(1, 8, 3),
                new Coverage(0.2, 0, 1, 1, 8),
                new Coverage(0.2, 0, 1, 1, 8, true),
                new SparseD(0.2, 1, 8).without(Part.REUSE),
                new SparseD(0.2, 1, 8).without(Part.ISOLATION),
                new SparseD(0.2, 1, 8).without(Part.SKIP),
                new SparseD(0.2, 1, 8).without(Part.DENSE_SELECTION),
                new SparseD(0.2, 1, 8).refreshing(1, 2),
                SparseD.auto());
    }

    @ParameterizedTest
    @MethodSource("keepingAll")
    void keepingEveryBlockIsDense(AttentionPolicy policy) {
        try (DiffusionModel model = DiffusionModel.load(MODEL)) {
            GenerationResult dense = model.generate(request().build());
            GenerationResult result = model.generate(request().policy(policy).build());
            assertThat(result.tokens()).isEqualTo(dense.tokens());
            assertThat(result.density()).isEqualTo(1);
            boolean auto = policy.equals(SparseD.auto());
            assertThat(result.policy()).isEqualTo(auto ? AttentionPolicy.dense() : policy);
            assertThat(result.timings().sparseSteps() + result.timings().selectSteps() > 0)
                    .isEqualTo(!auto);
        }
    }

    static Stream<AttentionPolicy> keepingSome() {
        return Stream.of(
                new SlidingWindow(0.3, 8),
                new SinkWindow(1, 0.3, 8),
                new Strided(0.3, 8),
                new PowerStrided(1, 8),
                new UniformRandom(0.3, 8, 3),
                new Coverage(0.2, 0.5, 0, 0.6, 8),
                new Coverage(0.2, 0.5, 0, 0.6, 8, true),
                new Antidiagonal(0.2, 0.5, 4, 8),
                new VerticalSlash(0.2, 0.3, 8),
                new SparseD(0.2, 0.3, 8).refreshing(0.9, 3),
                new SparseD(0.2, 0.3, 8).without(Part.REUSE),
                new SparseD(0.2, 0.3, 8).without(Part.ISOLATION),
                new SparseD(0.2, 0.3, 8).without(Part.SKIP),
                new SparseD(0.2, 0.3, 8).without(Part.DENSE_SELECTION));
    }

    @ParameterizedTest
    @MethodSource("keepingSome")
    void worksWithCachesAndGuidanceAndLeavesNoMask(AttentionPolicy policy) {
        try (DiffusionModel model = DiffusionModel.load(MODEL)) {
            for (GenerationRequest.Builder request : List.of(
                    request(), request().cache(CacheMode.DUAL), request().cfgScale(1))) {
                List<StepEvent> events = new ArrayList<>();
                GenerationResult result = model.generate(request.policy(policy).build(), events::add);
                assertThat(result.tokens()).hasSize(24).doesNotContain(159);
                assertThat(result.density()).isBetween(0.1, 0.8);
                assertThat(events)
                        .filteredOn(event -> event.attention().selects())
                        .allSatisfy(
                                event -> assertThat(event.forwarded().count()).isIn(0, 61));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("keepingAll")
    void whatKeepsEveryBlockKeepsAllAttention(AttentionPolicy policy) {
        try (DiffusionModel model = DiffusionModel.load(MODEL)) {
            GenerationResult result =
                    model.generate(request().policy(policy.measured()).build());
            boolean auto = policy.equals(SparseD.auto());
            assertThat(result.keptMass())
                    .hasSize(auto ? 0 : 3)
                    .allSatisfy(heads -> assertThat(heads)
                            .hasSize(model.info().heads().queryHeads())
                            .allSatisfy(mass -> assertThat(mass).isBetween(1 - 1e-5, 1.0)));
        }
    }

    @ParameterizedTest
    @MethodSource("keepingSome")
    void measuringChangesNoResult(AttentionPolicy policy) {
        try (DiffusionModel model = DiffusionModel.load(MODEL)) {
            for (CacheMode cache : CacheMode.values()) {
                GenerationResult plain =
                        model.generate(request().cache(cache).policy(policy).build());
                GenerationResult measured = model.generate(
                        request().cache(cache).policy(policy.measured()).build());
                assertThat(measured.tokens()).isEqualTo(plain.tokens());
                assertThat(measured.patterns()).isEqualTo(plain.patterns());
                assertThat(measured.policy()).isEqualTo(policy);
                assertThat(plain.keptMass()).isEmpty();
                assertThat(measured.keptMass())
                        .hasSize(3)
                        .allSatisfy(heads -> assertThat(heads)
                                .allSatisfy(mass -> assertThat(mass).isBetween(0.01, 0.999)));
            }
        }
    }

    /** The bound of CoverageRule, which isolation loosens; the blocks that are kept beyond it are not counted on. */
    @ParameterizedTest
    @CsvSource({"0.3, true", "0.6, true", "0.9, true", "0.99, true", "0.3, false", "0.9, false", "0.99, false"})
    void coverageKeepsWhatItPromises(double coverage, boolean isolated) {
        try (DiffusionModel model = DiffusionModel.load(MODEL)) {
            GenerationResult result = model.generate(request()
                    .policy(new Coverage(0.2, coverage, 0, 1, 8, isolated).measured())
                    .build());
            double bound = coverage - (isolated ? 1 - coverage : 0) - 1e-5;
            assertThat(result.keptMass())
                    .hasSize(3)
                    .allSatisfy(heads -> assertThat(heads)
                            .allSatisfy(mass -> assertThat(mass).isBetween(bound, 1.0)));
            SparseD oneBlock = new SparseD(0.2, 0, 8);
            AttentionPolicy least = isolated ? oneBlock : oneBlock.without(Part.ISOLATION);
            GenerationResult fixed =
                    model.generate(request().policy(least.measured()).build());
            assertThat(fixed.density()).isLessThan(result.density());
            assertThat(fixed.keptMass().getFirst().getFirst())
                    .isLessThan(result.keptMass().getFirst().getFirst());
        }
    }

    @Test
    void withoutReuseThePatternChangesFromStepToStep() {
        try (DiffusionModel model = DiffusionModel.load(MODEL)) {
            SparseD method = new SparseD(0.2, 0.3, 8);
            GenerationResult reused = model.generate(request().policy(method).build());
            GenerationResult selectedAnew =
                    model.generate(request().policy(method.without(Part.REUSE)).build());
            assertThat(reused.timings().selectSteps()).isEqualTo(1);
            assertThat(selectedAnew.timings().selectSteps()).isEqualTo(18); // e = 5
            assertThat(selectedAnew.timings().sparseSteps()).isZero();
            assertThat(selectedAnew.patterns()).hasSize(3).isNotEqualTo(reused.patterns());
        }
    }

    /** e = 5. Of every three block-sparse steps the last one is sampled; the step after it selects if the bound was missed. */
    @ParameterizedTest
    @ValueSource(strings = {"scalar", "vector"})
    void selectsAnewWhenAHeadKeepsTooLittle(String backend) {
        try (DiffusionModel model = DiffusionModel.load(MODEL, LoadOptions.DEFAULT.withBackend(backend))) {
            SparseD method = new SparseD(0.2, 0.3, 8);
            GenerationResult once = model.generate(request().policy(method).build());
            GenerationResult never =
                    model.generate(request().policy(method.refreshing(0, 3)).build());
            assertThat(never.tokens()).isEqualTo(once.tokens());
            assertThat(never.timings().selectSteps()).isEqualTo(1);
            assertThat(never.sampledMass()).extracting(KeptMass::step).containsExactly(8, 11, 14, 17, 20, 23);
            assertThat(never.sampledMass())
                    .allSatisfy(sample -> assertThat(sample.least()).isBetween(0.01, 0.999));
            for (CacheMode cache : CacheMode.values()) {
                GenerationResult always = model.generate(request()
                        .cache(cache)
                        .policy(method.refreshing(1, 3).measured())
                        .build());
                assertThat(always.timings().selectSteps()).isEqualTo(1 + 4);
                assertThat(always.sampledMass()).extracting(KeptMass::step).containsExactly(8, 12, 16, 20);
                assertThat(always.keptMass()).hasSize(3);
                assertThat(always.patterns()).isNotEqualTo(once.patterns());
            }
        }
    }

    /** The same canvas: what a step kept when it selected, the next one still keeps; all 61 rows are in the sample. */
    @ParameterizedTest
    @ValueSource(strings = {"scalar", "vector"})
    void aSampleTellsWhatAMeasurementDoes(String backend) {
        ModelConfig config = ModelConfig.read(MODEL);
        int[] canvas =
                IntStream.range(0, 61).map(i -> i < 37 ? i * 7 % 150 : 159).toArray();
        Positions eligible = Positions.of(43, 44, 50, 51);
        try (Checkpoint checkpoint = Checkpoint.open(MODEL);
                Backend running = Backends.open(LoadOptions.DEFAULT.withBackend(backend), DType.F32);
                ExecutionContext context = running.newContext()) {
            AttentionPlan plan = new SparseD(0, 0.2, 8)
                    .without(Part.SKIP)
                    .measured(1)
                    .plan(new GenerationShape(
                            61, 24, 8, config.layers(), config.heads().queryHeads()));
            ForwardPass pass =
                    Transformer.load(checkpoint, config, 61, running).forwardPass(context, 61, 61, plan, () -> {});
            pass.logits(canvas, plan.begin(0), eligible);
            pass.logits(canvas, plan.begin(1), eligible);
            KeptMass sample = plan.report().sampledMass().getFirst();
            for (int layer = 0; layer < config.layers(); layer++) {
                List<Double> heads = plan.report().keptMass().get(layer);
                for (int head = 0; head < heads.size(); head++) {
                    assertThat(sample.byLayerAndHead().get(layer).get(head)).isCloseTo(heads.get(head), within(1e-6));
                }
            }
        }
    }

    @Test
    void aListenerSeesThePatternsOfTheStepsThatSelect() {
        try (DiffusionModel model = DiffusionModel.load(MODEL)) {
            SparseD method = new SparseD(0.2, 0.3, 8);
            List<StepEvent> once = new ArrayList<>();
            GenerationResult reused = model.generate(request().policy(method).build(), once::add);
            assertThat(once)
                    .filteredOn(event -> !event.selected().isEmpty())
                    .singleElement()
                    .satisfies(event -> {
                        assertThat(event.step()).isEqualTo(5); // e
                        assertThat(event.selected()).isEqualTo(reused.patterns());
                    });
            List<StepEvent> anew = new ArrayList<>();
            GenerationResult last =
                    model.generate(request().policy(method.without(Part.REUSE)).build(), anew::add);
            assertThat(anew.subList(0, 6)).allMatch(event -> event.selected().isEmpty());
            assertThat(anew.subList(6, 24))
                    .allMatch(event -> event.selected().size() == 3)
                    .extracting(StepEvent::selected)
                    .doesNotHaveDuplicates();
            assertThat(anew.getLast().selected()).isEqualTo(last.patterns());
        }
    }

    /** A step that selects and attends sparsely, then a sparse one on the same canvas with the pattern kept: the same logits. */
    @ParameterizedTest
    @ValueSource(strings = {"scalar", "vector"})
    void aStepAttendsWithWhatItSelected(String backend) {
        ModelConfig config = ModelConfig.read(MODEL);
        int[] canvas =
                IntStream.range(0, 75).map(i -> i < 40 ? i * 7 % 150 : 159).toArray();
        Positions eligible = Positions.of(43, 44, 50, 51);
        try (Checkpoint checkpoint = Checkpoint.open(MODEL);
                Backend running = Backends.open(LoadOptions.DEFAULT.withBackend(backend), DType.F32);
                ExecutionContext context = running.newContext()) {
            AttentionPlan plan = new SparseD(0, 0.2, 8)
                    .plan(new GenerationShape(
                            75, 35, 8, config.layers(), config.heads().queryHeads()));
            ForwardPass pass =
                    Transformer.load(checkpoint, config, 75, running).forwardPass(context, 75, 75, plan, () -> {});
            float[] selecting = copy(context, pass.logits(canvas, AttentionMode.SELECT_AND_SPARSE, eligible));
            int revision = plan.revision();
            assertThat(revision).isEqualTo(config.layers());
            assertThat(copy(context, pass.logits(canvas, AttentionMode.BLOCK_SPARSE, eligible)))
                    .containsExactly(selecting);
            assertThat(copy(context, pass.logits(canvas, AttentionMode.DENSE, eligible)))
                    .isNotEqualTo(selecting);
            assertThat(plan.revision()).isEqualTo(revision);
        }
    }

    private static float[] copy(ExecutionContext context, Tensor logits) {
        float[] copy = new float[logits.rows() * logits.columns()];
        context.download(logits, copy);
        return copy;
    }
}
