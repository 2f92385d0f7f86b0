package dev.sparsed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sparsed.attention.AttentionMode;
import dev.sparsed.attention.SparseD;
import dev.sparsed.diffusion.Remasking;
import dev.sparsed.spi.BackendOptions;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.Quantization;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

@TestInstance(Lifecycle.PER_CLASS)
class DiffusionModelTest {

    private static final Path FOLDER = Path.of("src/test/resources/golden/llada-mha");
    private static final int MASK = 159;

    private DiffusionModel model;

    @BeforeAll
    void load() {
        model = DiffusionModel.load(FOLDER, LoadOptions.DEFAULT.withThreads(2));
    }

    @AfterAll
    void close() {
        model.close();
    }

    private static int[] prompt(int length) {
        return IntStream.range(0, length).map(i -> (i * 37 + 11) % 150).toArray();
    }

    private static GenerationRequest.Builder request(int promptLength) {
        return GenerationRequest.builder()
                .promptTokens(prompt(promptLength))
                .genLength(24)
                .steps(12);
    }

    @Test
    void theVectorBackendRunsWhereItIsExpected() {
        assertThat(model.backend().name()).as(model.backend().toString()).isEqualTo("vector");
        assertThat(model.backend().threads()).isEqualTo(2);
    }

    @Test
    void everyRequestLeavesNoMask() {
        GenerationResult result =
                model.generate(request(40).policy(new SparseD(0.2, 0.3, 8)).build());
        assertThat(result.tokens()).hasSize(24).doesNotContain(MASK);
        assertThat(result.timings().denseSteps()).isEqualTo(3);
        assertThat(result.timings().selectSteps()).isEqualTo(1);
        assertThat(result.timings().sparseSteps()).isEqualTo(8);
        assertThat(result.timings().total()).isPositive();
        assertThat(result.densityPerLayer())
                .hasSize(2)
                .allSatisfy(d -> assertThat(d).isBetween(0.3, 0.6));
    }

    @ParameterizedTest
    @ValueSource(ints = {8, 16, 128})
    void keepingEveryBlockIsDense(int blockSize) {
        int[] dense = model.generate(request(61).build()).tokens();
        GenerationResult sparse =
                model.generate(request(61).policy(new SparseD(0, 1, blockSize)).build());
        assertThat(sparse.timings().sparseSteps()).isEqualTo(10);
        assertThat(sparse.density()).isEqualTo(1);
        assertThat(sparse.tokens()).isEqualTo(dense);
    }

    @ParameterizedTest
    @CsvSource({
        // prompt, generation, block length, steps, skip, select, B
        "0, 16, 16, 16, 0.2, 0.3, 8", // no prompt
        "3, 4, 4, 4, 0.2, 0.3, 32", // N < B
        "50, 4, 4, 4, 0, 0.3, 16", // G < B
        "51, 24, 8, 12, 0.2, 0.3, 16", // ragged N, G no multiple of B
        "20, 16, 8, 2, 0.2, 0.5, 8", // e >= T - 1: all dense
        "20, 16, 16, 16, 1, 0.5, 8", // s >= 1: all dense
        "20, 16, 16, 16, 0, 0, 8", // keeps one block
        "20, 8, 4, 32, 0.2, 0.5, 8", // more steps than masks
        "20, 8, 4, 32, 0.25, 0.5, 8", // ... and the selecting step has none
        "1, 1, 1, 1, 0.2, 0.3, 1"
    })
    void edgeCasesOfTheScheduleWork(
            int promptLength, int generation, int block, int steps, double skip, double select, int blockSize) {
        GenerationRequest request = GenerationRequest.builder()
                .promptTokens(prompt(promptLength))
                .genLength(generation)
                .blockLength(block)
                .steps(steps)
                .policy(new SparseD(skip, select, blockSize))
                .build();
        List<StepEvent> events = new ArrayList<>();
        GenerationResult result = model.generate(request, events::add);
        assertThat(result.tokens()).hasSize(generation).doesNotContain(MASK);
        assertThat(events).hasSize(steps);
        assertThat(events.stream().mapToInt(event -> event.commits().size()).sum())
                .isEqualTo(generation);
        assertThat(events.getLast().masksLeft()).isZero();
        int selecting = (int) Math.floor(steps * skip) + 1;
        assertThat(result.timings().selectSteps()).isEqualTo(selecting < steps - 1 ? 1 : 0);
    }

    @Test
    void guidanceSeesACanvasWithoutPrompt() {
        int[] plain = model.generate(request(40).build()).tokens();
        int[] guided = model.generate(request(40).cfgScale(3).build()).tokens();
        assertThat(guided).isNotEqualTo(plain);
        GenerationResult sparse = model.generate(
                request(40).cfgScale(3).policy(new SparseD(0, 1, 8)).build());
        assertThat(sparse.tokens()).isEqualTo(guided);
    }

    @Test
    void theSameSeedGivesTheSameTokensForAnyNumberOfThreads() {
        GenerationRequest request = sampled(99);
        int[] expected = model.generate(request).tokens();
        for (int threads : new int[] {1, 2, 4}) {
            try (DiffusionModel other = DiffusionModel.load(FOLDER, LoadOptions.DEFAULT.withThreads(threads))) {
                assertThat(other.generate(request).tokens())
                        .as(threads + " threads")
                        .isEqualTo(expected);
            }
        }
        assertThat(model.generate(sampled(100)).tokens()).isNotEqualTo(expected);
    }

    @Test
    void concurrentRequestsDoNotDisturbEachOther() throws Exception {
        List<int[]> alone = IntStream.range(0, 8)
                .mapToObj(i -> model.generate(sampled(i)).tokens())
                .toList();
        try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
            for (int round = 0; round < 2; round++) {
                List<Callable<int[]>> requests = IntStream.range(0, 8)
                        .<Callable<int[]>>mapToObj(
                                i -> () -> model.generate(sampled(i)).tokens())
                        .toList();
                List<Future<int[]>> together = threads.invokeAll(requests);
                for (int i = 0; i < 8; i++) {
                    assertThat(together.get(i).get()).isEqualTo(alone.get(i));
                }
            }
        }
    }

    /** A different prompt length, policy and noise for every seed. */
    private static GenerationRequest sampled(int seed) {
        return request(20 + seed % 8 * 5)
                .policy(new SparseD(0.2, 0.3, 8 << seed % 2))
                .temperature(0.8)
                .remasking(seed % 3 == 0 ? Remasking.RANDOM : Remasking.LOW_CONFIDENCE)
                .seed(seed)
                .build();
    }

    @Test
    void refusesPromptsThatDoNotFitTheModel() {
        assertRefused(prompt(2030), "prompt = 2030 tokens: with genLength = 24 it must be at most 2024");
        assertRefused(new int[] {1, MASK, 2}, "prompt = mask token 159 at 1");
        assertRefused(new int[] {1, 2, 160}, "prompt = token 160 at 2: must be 0 ... 159");
        assertRefused(new int[] {-1}, "prompt = token -1 at 0");
    }

    private void assertRefused(int[] prompt, String message) {
        GenerationRequest request =
                GenerationRequest.builder().promptTokens(prompt).genLength(24).build();
        assertThatThrownBy(() -> model.generate(request))
                .isInstanceOf(InvalidRequestException.class)
                .hasMessageContaining(message);
    }

    @Test
    void contextLengthCanBeChanged() {
        LoadOptions options = LoadOptions.DEFAULT.withContextLength(40);
        try (DiffusionModel shorter = DiffusionModel.load(FOLDER, options)) {
            assertThat(shorter.info().contextLength()).isEqualTo(40);
            assertThat(shorter.generate(request(16).build()).tokens()).hasSize(24);
            assertThatThrownBy(() -> shorter.generate(request(17).build()))
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessageContaining("withContextLength");
            assertThatThrownBy(() -> shorter.generate(GenerationRequest.builder()
                            .promptTokens(prompt(1))
                            .genLength(41)
                            .build()))
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessageContaining("genLength = 41: must be at most 40");
        }
    }

    @Test
    void aListenerCanCancel() {
        List<StepEvent> events = new ArrayList<>();
        GenerationListener listener = new GenerationListener() {
            @Override
            public void onStep(StepEvent event) {
                events.add(event);
            }

            @Override
            public boolean isCancelled() {
                return events.size() == 3;
            }
        };
        assertThatThrownBy(() -> model.generate(request(20).build(), listener))
                .isInstanceOf(GenerationCancelledException.class)
                .hasMessageContaining("listener");
        assertThat(events).hasSize(3);
        assertThat(model.generate(request(20).build()).tokens()).hasSize(24);
    }

    @Test
    void anInterruptCancelsAndStaysSet() {
        Thread.currentThread().interrupt();
        try {
            assertThatThrownBy(() -> model.generate(request(20).build()))
                    .isInstanceOf(GenerationCancelledException.class)
                    .hasMessageContaining("interrupted");
        } finally {
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    @Test
    void whatAListenerThrowsReachesTheCaller() {
        IllegalStateException thrown = new IllegalStateException("from the listener");
        assertThatThrownBy(() -> model.generate(request(20).build(), event -> {
                    throw thrown;
                }))
                .isSameAs(thrown);
    }

    @Test
    @Timeout(value = 60, unit = TimeUnit.SECONDS)
    void closingEndsRunningGenerations() throws Exception {
        DiffusionModel closing = DiffusionModel.load(FOLDER, LoadOptions.DEFAULT.withThreads(2));
        AtomicReference<Throwable> outcome = new AtomicReference<>();
        CountDownLatch running = new CountDownLatch(1);
        Thread generating = Thread.ofPlatform().start(() -> {
            try {
                closing.generate(
                        GenerationRequest.builder()
                                .promptTokens(prompt(1000))
                                .genLength(1000)
                                .build(),
                        event -> running.countDown());
            } catch (Throwable e) {
                outcome.set(e);
            }
        });
        running.await();
        closing.close();
        generating.join();
        assertThat(outcome.get())
                .isInstanceOf(GenerationCancelledException.class)
                .hasMessageContaining("closed");
        closing.close();
        assertThatIllegalStateException()
                .isThrownBy(() -> closing.generate(request(20).build()))
                .withMessageContaining("closed");
    }

    @Test
    void aListenerCannotCloseTheModelItRunsOn() {
        assertThatIllegalStateException()
                .isThrownBy(() -> model.generate(request(20).build(), event -> model.close()))
                .withMessageContaining("cancel the generation instead");
        assertThat(model.generate(request(20).build()).tokens()).hasSize(24);
    }

    @Test
    void aRequiredBackendThatIsNotThereIsAnError() {
        assertThatThrownBy(() -> DiffusionModel.load(FOLDER, LoadOptions.DEFAULT.withBackend("cuda")))
                .isInstanceOf(BackendUnavailableException.class)
                .hasMessageContaining("cuda")
                .hasMessageContaining("sparsed-cuda");
        assertThatThrownBy(() -> DiffusionModel.load(FOLDER, LoadOptions.DEFAULT.withBackend("abacus")))
                .isInstanceOf(BackendUnavailableException.class)
                .hasMessageContaining("abacus")
                .hasMessageContaining("scalar");
    }

    @ParameterizedTest
    @ValueSource(strings = {"vector", "scalar"})
    void theBackendsOnTheCpuRefuseToQuantize(String backend) {
        assertThatThrownBy(() -> DiffusionModel.load(
                        FOLDER, LoadOptions.DEFAULT.withBackend(backend).withQuantization(Quantization.FP8)))
                .isInstanceOf(BackendUnavailableException.class)
                .hasMessageContainingAll(backend, "FP8", "compute capability 8.9");
        assertThatThrownBy(() -> DiffusionModel.load(
                        FOLDER, LoadOptions.DEFAULT.withBackend(backend).withQuantization(Quantization.INT8)))
                .isInstanceOf(BackendUnavailableException.class)
                .hasMessageContainingAll(backend, "INT8", "amx");
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
    void quantizationIsOffAndNeedsBf16(Quantization kind) {
        assertThat(LoadOptions.DEFAULT.quantization()).isEqualTo(Quantization.NONE);
        assertThatThrownBy(() -> LoadOptions.DEFAULT.withDtype(DType.F32).withQuantization(kind))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll(kind.name(), "BF16");
        assertThatThrownBy(() -> new BackendOptions(1, DType.F32, kind))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll(kind.name(), "BF16");
    }

    @Test
    void eventsSayWhatWasCommitted() {
        List<StepEvent> events = new ArrayList<>();
        GenerationResult result =
                model.generate(request(20).policy(new SparseD(0.2, 0.5, 8)).build(), events::add);
        int[] rebuilt = new int[24];
        for (StepEvent event : events) {
            assertThat(event.steps()).isEqualTo(12);
            assertThat(event.attention())
                    .isEqualTo(
                            event.step() < 3
                                    ? AttentionMode.DENSE
                                    : event.step() == 3 ? AttentionMode.DENSE_AND_SELECT : AttentionMode.BLOCK_SPARSE);
            event.commits().forEach(commit -> rebuilt[commit.position() - 20] = commit.token());
            assertThat(event.commits())
                    .allSatisfy(commit -> assertThat(commit.confidence()).isBetween(0f, 1f));
        }
        assertThat(rebuilt).isEqualTo(result.tokens());
        assertThat(result.toString())
                .contains("24 tokens", "prompt of 20", "on " + model.backend().name());
    }
}
