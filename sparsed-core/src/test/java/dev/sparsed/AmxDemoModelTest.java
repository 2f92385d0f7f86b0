package dev.sparsed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sparsed.GoldenCase.Recording;
import dev.sparsed.spi.BackendProvider;
import dev.sparsed.spi.DType;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The demo model in bf16 on AMX gives the outputs that the reference gave in float32. Needs a processor with AMX. */
class AmxDemoModelTest {

    private static final Path RECORDINGS = Path.of("src/test/resources/golden-demo");

    @BeforeAll
    static void onlyWithAmx() {
        Optional<String> reason = amx().unavailableBecause();
        reason.ifPresent(text -> System.out.println("Skipped the demo model on AMX: " + text));
        assumeTrue(reason.isEmpty());
    }

    private static BackendProvider amx() {
        return backends()
                .filter(provider -> provider.name().equals("amx"))
                .findFirst()
                .orElseThrow();
    }

    private static Stream<BackendProvider> backends() {
        return ServiceLoader.load(BackendProvider.class).stream().map(ServiceLoader.Provider::get);
    }

    static Stream<GoldenCase> runs() {
        return GoldenCase.in(DemoModelGoldenTest.MODEL, RECORDINGS).stream();
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("runs")
    void generatesTheRecordedOutputWithAnyNumberOfThreads(GoldenCase golden) {
        int[] two = generate(golden, 2);
        assertThat(generate(golden, 5)).containsExactly(two);
        try (Recording recorded = golden.recording()) {
            assertThat(two).containsExactly(generated(recorded));
        }
    }

    private static int[] generate(GoldenCase golden, int threads) {
        try (Recording recorded = golden.recording();
                DiffusionModel model = load("amx", threads, DType.BF16)) {
            assertThat(model.backend().name()).isEqualTo("amx");
            return model.generate(golden.request(recorded.ints("prompt"))).tokens();
        }
    }

    private static int[] generated(Recording recorded) {
        int[] output = recorded.ints("output");
        return Arrays.copyOfRange(output, recorded.ints("prompt").length, output.length);
    }

    private static DiffusionModel load(String backend, int threads, DType dtype) {
        return DiffusionModel.load(
                DemoModelGoldenTest.MODEL,
                LoadOptions.DEFAULT.withBackend(backend).withThreads(threads).withDtype(dtype));
    }

    @Test
    void isChosenForBf16AndLeavesFloat32ToTheVectorBackend() {
        assumeTrue(backends().noneMatch(provider -> provider.name().equals("cuda")), "a GPU's backend would be chosen");
        try (DiffusionModel automatic = load("auto", 1, DType.BF16);
                DiffusionModel exact = load("auto", 1, DType.F32);
                DiffusionModel forbidden = load("vector", 1, DType.BF16)) {
            assertThat(automatic.backend().name()).isEqualTo("amx");
            assertThat(exact.backend().name()).isEqualTo("vector");
            assertThat(forbidden.backend().name()).isEqualTo("vector");
        }
    }
}
