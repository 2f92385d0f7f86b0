package dev.sparsed.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sparsed.DeviceMemoryException;
import dev.sparsed.DiffusionModel;
import dev.sparsed.GenerationRequest;
import dev.sparsed.GenerationResult;
import dev.sparsed.LoadOptions;
import dev.sparsed.attention.AttentionPolicy;
import dev.sparsed.attention.SparseD;
import dev.sparsed.cuda.internal.driver.CudaDevice;
import dev.sparsed.cuda.internal.driver.DeviceBuffer;
import dev.sparsed.spi.DType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Whole generations through the public API on a GPU: the demo model, whose weights are bf16. */
@RequiresGpu
class CudaModelGpuTest {

    private static final String DEMO = "sparsed-bench/src/main/resources/dev/sparsed/bench/demo-model";
    private static final long MIB = 1 << 20;

    private static DiffusionModel load() {
        return load(LoadOptions.DEFAULT.withBackend("cuda"));
    }

    private static DiffusionModel load(LoadOptions options) {
        Path fromRoot = Path.of(DEMO);
        return DiffusionModel.load(
                fromRoot.toFile().exists() ? fromRoot : Path.of("..").resolve(fromRoot), options);
    }

    private static GenerationRequest request(int promptLength, AttentionPolicy policy) {
        int[] prompt = new Random(promptLength).ints(promptLength, 100, 1900).toArray();
        return GenerationRequest.builder()
                .promptTokens(prompt)
                .genLength(64)
                .blockLength(64)
                .steps(16)
                .policy(policy)
                .build();
    }

    @Test
    void isTheBackendThatAutoTakesAndComputesInTheTypeOfTheWeights() {
        try (DiffusionModel model = load()) {
            assertThat(model.backend().name()).isEqualTo("cuda");
            assertThat(model.backend().device()).contains("bf16");
        }
    }

    @Test
    void theSameRequestGivesTheSameTokensAloneAndBesideOthers() throws Exception {
        try (DiffusionModel model = load();
                ExecutorService threads = Executors.newFixedThreadPool(4)) {
            List<GenerationRequest> requests = IntStream.of(5, 100, 300, 1000, 777, 64)
                    .mapToObj(length ->
                            request(length, length > 200 ? new SparseD(0.2, 0.3, 32) : AttentionPolicy.dense()))
                    .toList();
            List<GenerationResult> alone =
                    requests.stream().map(model::generate).toList();
            List<Future<GenerationResult>> together = new ArrayList<>();
            for (int round = 0; round < 3; round++) {
                requests.forEach(request -> together.add(threads.submit(() -> model.generate(request))));
            }
            for (int i = 0; i < together.size(); i++) {
                GenerationResult expected = alone.get(i % requests.size());
                GenerationResult actual = together.get(i).get();
                assertThat(actual.tokens()).isEqualTo(expected.tokens());
                assertThat(actual.logProbabilities()).isEqualTo(expected.logProbabilities());
                assertThat(actual.patterns()).isEqualTo(expected.patterns());
            }
        }
    }

    @Test
    void loadingAndClosingLeavesNothingOnTheDevice() {
        load().close(); // what the driver keeps for itself
        try (CudaDevice device = CudaDevice.open(0)) {
            long before = device.freeBytes();
            for (int i = 0; i < 50; i++) {
                try (DiffusionModel model = load()) {
                    if (i % 10 == 0) {
                        model.generate(request(300, new SparseD(0.2, 0.3, 32)));
                    }
                }
            }
            device.bind();
            assertThat(before - device.freeBytes()).isLessThan(8 * MIB);
        }
    }

    @Test
    void runningOutOfMemoryIsSaidAndSurvived() {
        try (DiffusionModel model = load();
                CudaDevice device = CudaDevice.open(0)) {
            GenerationRequest request = request(1000, AttentionPolicy.dense());
            int[] expected = model.generate(request).tokens();
            try (DiffusionModel other = load()) { // has no memory from earlier requests to fall back on
                List<DeviceBuffer> filling = new ArrayList<>();
                for (long piece = device.freeBytes(); piece >= MIB / 4; piece /= 2) {
                    try {
                        filling.add(device.memory().allocate(piece, "filling the device"));
                    } catch (DeviceMemoryException e) {
                        assertThat(e).hasMessageContaining("filling the device");
                    }
                }
                assertThatThrownBy(() -> other.generate(request))
                        .isInstanceOf(DeviceMemoryException.class)
                        .hasMessageContaining("free");
                device.bind();
                filling.forEach(DeviceBuffer::close);
                assertThat(other.generate(request).tokens()).isEqualTo(expected);
            }
            assertThat(model.generate(request).tokens()).isEqualTo(expected);
        }
    }

    @Test
    void float32OnRequest() {
        try (DiffusionModel model = load(LoadOptions.DEFAULT.withBackend("cuda").withDtype(DType.F32))) {
            assertThat(model.backend().device()).contains("float32");
            assertThat(model.generate(request(100, AttentionPolicy.dense())).tokens())
                    .hasSize(64);
        }
    }
}
