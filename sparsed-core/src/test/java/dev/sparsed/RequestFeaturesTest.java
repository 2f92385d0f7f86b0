package dev.sparsed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.sparsed.attention.AttentionMode;
import dev.sparsed.attention.SparseD;
import dev.sparsed.diffusion.CacheMode;
import dev.sparsed.diffusion.Remasking;
import dev.sparsed.diffusion.TimestepSchedule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What a request may ask for beyond prompt, length and policy. */
@TestInstance(Lifecycle.PER_CLASS)
class RequestFeaturesTest {

    private static final Path GOLDEN = Path.of("src/test/resources/golden");
    private static final int MASK = 159;
    private static final int END = 158;

    private DiffusionModel llada;
    private DiffusionModel dream;

    @BeforeAll
    void load() {
        llada = DiffusionModel.load(GOLDEN.resolve("llada-gqa"));
        dream = DiffusionModel.load(GOLDEN.resolve("dream-gqa"));
    }

    @AfterAll
    void close() {
        llada.close();
        dream.close();
    }

    private static int[] prompt(int length) {
        return IntStream.range(0, length).map(i -> (i * 37 + 11) % 150).toArray();
    }

    private static GenerationRequest.Builder request(int promptLength) {
        return GenerationRequest.builder()
                .promptTokens(prompt(promptLength))
                .genLength(16)
                .blockLength(8)
                .steps(8);
    }

    @ParameterizedTest
    @EnumSource
    void everyStrategyWorksWithEveryFamily(Remasking remasking) {
        for (DiffusionModel model : List.of(llada, dream)) {
            for (double temperature : new double[] {0, 0.7}) {
                GenerationRequest request = request(20)
                        .remasking(remasking)
                        .temperature(temperature)
                        .topP(0.95)
                        .topK(40)
                        .build();
                assertThat(model.generate(request).tokens()).hasSize(16).doesNotContain(MASK);
            }
        }
    }

    @Test
    void theDefaultsAreThoseOfTheFamily() {
        assertThat(llada.generate(request(20).build()).tokens())
                .isEqualTo(llada.generate(
                                request(20).remasking(Remasking.LOW_CONFIDENCE).build())
                        .tokens());
        int[] origin = dream.generate(request(20)
                        .alg(Remasking.ORIGIN)
                        .eps(TimestepSchedule.DEFAULT_EPS)
                        .build())
                .tokens();
        assertThat(dream.generate(request(20).build()).tokens()).isEqualTo(origin);
        assertThat(dream.generate(request(20).alg(Remasking.ENTROPY).build()).tokens())
                .isNotEqualTo(origin);
    }

    @Test
    void generationConfigDecidesWhatTheRequestLeavesOpen(@TempDir Path folder) throws IOException {
        for (String file : List.of("config.json", "model.safetensors")) {
            Files.copy(GOLDEN.resolve("dream-gqa").resolve(file), folder.resolve(file));
        }
        Path config = folder.resolve("generation_config.json");
        Files.writeString(
                config,
                "{\"alg\": \"entropy\", \"alg_temp\": 0.4, \"temperature\": 0.6, \"top_p\": 0.9, \"top_k\": 30,"
                        + " \"eps\": 0.01, \"eos_token_id\": [3, 158], \"do_sample\": true}");
        try (DiffusionModel model = DiffusionModel.load(folder)) {
            GenerationRequest explicit = request(20)
                    .alg(Remasking.ENTROPY)
                    .algTemp(0.4)
                    .temperature(0.6)
                    .topP(0.9)
                    .topK(30)
                    .eps(0.01)
                    .build();
            int[] expected = dream.generate(explicit).tokens();
            assertThat(model.generate(request(20).build()).tokens()).isEqualTo(expected);
            GenerationRequest greedy = request(20)
                    .alg(Remasking.MASKGIT_PLUS)
                    .temperature(0)
                    .algTemp(0)
                    .topP(1)
                    .topK(160)
                    .eps(1e-3)
                    .build();
            assertThat(model.generate(greedy).tokens())
                    .isEqualTo(dream.generate(
                                    request(20).alg(Remasking.MASKGIT_PLUS).build())
                            .tokens());
            GenerationResult stopped = model.generate(
                    request(20).logitBias(3, 1000).stopAtEos(true).build());
            assertThat(stopped.stopped()).isTrue();
            assertThat(stopped.tokens()).isEmpty();
        }
        for (String wrong :
                List.of("\"alg\": \"foo\"", "\"top_p\": 2", "\"temperature\": -1", "\"eos_token_id\": [-1]")) {
            Files.writeString(config, "{" + wrong + "}");
            assertThatThrownBy(() -> DiffusionModel.load(folder))
                    .isInstanceOf(CheckpointException.class)
                    .hasMessageContaining("generation_config.json")
                    .hasMessageContaining(wrong.substring(1, wrong.indexOf('"', 1)));
        }
    }

    @Test
    void aStopTokenEndsTheGenerationWithItsBlock() {
        int[] whole = llada.generate(request(30).build()).tokens();
        int stop = whole[3];
        int first =
                IntStream.range(0, 16).filter(i -> whole[i] == stop).findFirst().orElseThrow();
        List<StepEvent> events = new ArrayList<>();
        GenerationResult result = llada.generate(request(30).stopTokens(stop).build(), events::add);
        assertThat(result.tokens()).isEqualTo(Arrays.copyOf(whole, first));
        assertThat(result.logProbabilities()).hasSize(first);
        assertThat(result.stopped()).isTrue();
        assertThat(events).hasSize(4); // the second block is left alone
        assertThat(events.getLast().masksLeft()).isEqualTo(8);
    }

    @Test
    void theModelsEndTokenStopsOnlyOnRequest() {
        GenerationRequest.Builder ending = request(20).logitBias(END, 1000);
        assertThat(dream.generate(ending.build()).tokens()).containsOnly(END).hasSize(16);
        assertThat(dream.generate(ending.stopAtEos(true).build()).tokens()).isEmpty();
        assertThat(dream.generate(
                                request(20).forbiddenTokens(END).stopAtEos(true).build())
                        .stopped())
                .isFalse();
    }

    @Test
    void fixedTokensStayAndMasksMayBeAnywhere() {
        int[] template = {MASK, 7, -1, -1, 8, 9, -1, -1};
        for (DiffusionModel model : List.of(llada, dream)) {
            GenerationResult result = model.generate(GenerationRequest.builder()
                    .promptTokens()
                    .infill(template)
                    .blockLength(4)
                    .steps(4)
                    .build());
            assertThat(result.tokens()).hasSize(8).doesNotContain(MASK);
            float[] logProbabilities = result.logProbabilities();
            for (int i : new int[] {1, 4, 5}) {
                assertThat(result.tokens()[i]).isEqualTo(template[i]);
                assertThat(logProbabilities[i]).isNaN();
            }
            assertThat(logProbabilities[6]).isNegative();
        }
    }

    @Test
    void aFixedBeginningIsAsGoodAsAPrompt() {
        int[] template = new int[24];
        Arrays.fill(template, GenerationRequest.MASK);
        System.arraycopy(prompt(30), 20, template, 0, 10);
        int[] infilled = llada.generate(GenerationRequest.builder()
                        .promptTokens(prompt(20))
                        .infill(template)
                        .steps(5)
                        .build())
                .tokens();
        int[] continued = llada.generate(GenerationRequest.builder()
                        .promptTokens(prompt(30))
                        .genLength(14)
                        .steps(5)
                        .build())
                .tokens();
        assertThat(Arrays.copyOfRange(infilled, 10, 24)).isEqualTo(continued);
    }

    @Test
    void forbiddenTokensAreNotGenerated() {
        int[] free = llada.generate(request(20).build()).tokens();
        int[] other = llada.generate(request(20).forbiddenTokens(free).build()).tokens();
        assertThat(IntStream.of(other).boxed())
                .doesNotContainAnyElementsOf(IntStream.of(free).boxed().toList());
    }

    @Test
    void refusesTokensThatDoNotExist() {
        refused(request(4).forbiddenTokens(160), "forbiddenTokens = token 160: must be 0 ... 159");
        refused(request(4).logitBias(-1, 2), "logitBias = token -1");
        refused(request(4).stopTokens(160), "stopTokens = token 160: must be 0 ... 159");
        refused(request(4).genLength(2).infill(160, -1).blockLength(2).steps(2), "infill = token 160 at 0");
        refused(
                request(4).forbiddenTokens(IntStream.range(0, MASK).toArray()),
                "forbiddenTokens = all: must leave a token");
    }

    private void refused(GenerationRequest.Builder builder, String message) {
        GenerationRequest request = builder.build();
        assertThatThrownBy(() -> llada.generate(request))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining(message);
    }

    @Test
    void logProbabilitiesAreThoseOfTheCommits() {
        List<StepEvent> events = new ArrayList<>();
        GenerationResult result = llada.generate(request(20).build(), events::add);
        for (StepEvent event : events) {
            for (Commit commit : event.commits()) {
                assertThat(result.logProbabilities()[commit.position() - 20]).isEqualTo(commit.logProbability());
                assertThat(Math.exp(commit.logProbability())).isCloseTo(commit.confidence(), within(1e-6));
            }
        }
    }

    @Test
    void aPromptGivesTheSameTokensAloneAndInAnyBatch() {
        List<GenerationRequest> requests = IntStream.range(0, 5)
                .mapToObj(i -> request(7 + i * 9)
                        .temperature(0.8)
                        .seed(i)
                        .cache(i % 2 == 0 ? CacheMode.DUAL : CacheMode.NONE)
                        .build())
                .toList();
        for (DiffusionModel model : List.of(llada, dream)) {
            List<int[]> alone = requests.stream()
                    .map(request -> model.generate(request).tokens())
                    .toList();
            List<GenerationResult> reversed = model.generateAll(requests.reversed());
            for (int i = 0; i < 5; i++) {
                assertThat(reversed.get(4 - i).tokens()).isEqualTo(alone.get(i));
            }
        }
    }

    @Test
    void completionsDifferByTheirSeeds() {
        List<GenerationResult> completions =
                llada.generate(request(20).temperature(1).seed(40).build(), 3);
        for (int i = 0; i < 3; i++) {
            assertThat(completions.get(i).tokens())
                    .isEqualTo(llada.generate(
                                    request(20).temperature(1).seed(40 + i).build())
                            .tokens());
        }
        assertThat(completions.get(1).tokens()).isNotEqualTo(completions.get(0).tokens());
        GenerationRequest request = request(20).build();
        assertThatThrownBy(() -> llada.generate(request, 0)).isInstanceOf(InvalidRequestException.class);
    }

    @Test
    void theLogitsHookSeesEveryMask() {
        GenerationRequest request = request(20)
                .logitsHook((step, position, logits) -> logits[position] += 1000)
                .build();
        assertThat(llada.generate(request).tokens())
                .isEqualTo(IntStream.range(20, 36).toArray());
    }

    @Test
    void theTokensHookMayReplaceTokensAndPutMasksBack() {
        List<StepEvent> events = new ArrayList<>();
        GenerationRequest request = request(20)
                .cache(CacheMode.DUAL)
                .tokensHook((step, tokens) -> {
                    if (step == 1) {
                        tokens[21] = MASK;
                        tokens[35] = 77;
                    }
                })
                .build();
        GenerationResult result = llada.generate(request, events::add);
        assertThat(result.tokens()).doesNotContain(MASK);
        assertThat(result.tokens()[15]).isEqualTo(77);
        assertThat(result.logProbabilities()[15]).isNaN();
        assertThat(events.get(1).commits())
                .anySatisfy(commit -> assertThat(commit).isEqualTo(new Commit(35, 77, Float.NaN, Float.NaN)));
        assertThat(events.get(1).forwarded().count()).isEqualTo(8);
        assertThat(events.get(2).forwarded().count()).isEqualTo(36); // the cache no longer fits the canvas
    }

    @Test
    void theTokensHookMustKeepThePrompt() {
        for (int[] change : new int[][] {{3, 5}, {20, 160}, {20, -1}}) {
            GenerationRequest request = request(20)
                    .tokensHook((step, tokens) -> tokens[change[0]] = change[1])
                    .build();
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> llada.generate(request))
                    .withMessageContaining("tokens hook put " + change[1] + " at position " + change[0]);
        }
        GenerationRequest late = request(20)
                .tokensHook((step, tokens) -> tokens[21] = step == 5 ? MASK : tokens[21])
                .build();
        assertThatIllegalArgumentException().isThrownBy(() -> llada.generate(late));
    }

    @Test
    void aScheduleMayBeDrawnUpForTheExpectedSteps() {
        List<AttentionMode> modes = new ArrayList<>();
        GenerationRequest.Builder parallel = request(40).steps(16).threshold(0);
        llada.generate(
                parallel.threshold(0.99)
                        .policy(new SparseD(0.25, 0.4, 8))
                        .expectedSteps(8)
                        .build(),
                event -> modes.add(event.attention()));
        assertThat(modes.subList(0, 5))
                .containsExactly(
                        AttentionMode.DENSE,
                        AttentionMode.DENSE,
                        AttentionMode.DENSE,
                        AttentionMode.DENSE_AND_SELECT,
                        AttentionMode.BLOCK_SPARSE);
    }

    @Test
    void aParallelRuleEndsBlocksEarlyAndTheBoundEndsThemInAnyCase() {
        GenerationResult all = llada.generate(request(20).threshold(0).build());
        assertThat(all.forwards().count()).isEqualTo(2); // one per block
        GenerationResult bounded =
                llada.generate(request(20).threshold(1).steps(4).build());
        assertThat(bounded.forwards().count()).isEqualTo(4);
        assertThat(bounded.tokens()).doesNotContain(MASK);
    }

    @Test
    void theCachesMemoryIsKnown() {
        // 2 layers, keys and values of 2 heads of 16 in float32
        ModelInfo info = dream.info();
        assertThat(info.cacheBytes(100))
                .isEqualTo(100L
                        * 2
                        * 4
                        * info.layers()
                        * info.heads().keyValueHeads()
                        * info.heads().headDim());
    }
}
