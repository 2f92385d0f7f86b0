package dev.sparsed.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sparsed.DiffusionModel;
import dev.sparsed.GenerationRequest;
import dev.sparsed.LoadOptions;
import dev.sparsed.spi.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class RandomCheckpointTest {

    private static final ModelShape TINY = new ModelShape(32, 3, 2, 48, 64);

    @ParameterizedTest
    @EnumSource(names = {"BF16", "F32"})
    void loadsAndGeneratesAndLeavesNothingBehind(DType dtype) {
        Path folder;
        try (RandomCheckpoint checkpoint = RandomCheckpoint.write(TINY, dtype, 40, 7)) {
            folder = checkpoint.folder();
            try (DiffusionModel model = DiffusionModel.load(folder, LoadOptions.DEFAULT.withThreads(1))) {
                assertThat(model.info().layers()).isEqualTo(3);
                assertThat(model.info().contextLength()).isEqualTo(40);
                GenerationRequest request = GenerationRequest.builder()
                        .promptTokens(1, 2, 3)
                        .genLength(8)
                        .steps(8)
                        .build();
                assertThat(model.generate(
                                        request,
                                        event -> assertThat(event.commits()
                                                        .getFirst()
                                                        .confidence())
                                                .isBetween(1f / 64, 1f)) // NaN is not between
                                .tokens())
                        .hasSize(8);
            }
        }
        assertThat(folder).doesNotExist();
    }

    @Test
    void isTheSameForTheSameSeed() throws IOException {
        try (RandomCheckpoint one = RandomCheckpoint.write(TINY, DType.BF16, 40, 7);
                RandomCheckpoint same = RandomCheckpoint.write(TINY, DType.BF16, 40, 7);
                RandomCheckpoint other = RandomCheckpoint.write(TINY, DType.BF16, 40, 8)) {
            byte[] weights = weights(one);
            assertThat(weights(same)).isEqualTo(weights);
            assertThat(weights(other)).hasSameSizeAs(weights).isNotEqualTo(weights);
            assertThat(one.bytes()).isEqualTo(weights.length);
        }
    }

    @Test
    void writesFloatingPointTypesThatAreReadEverywhere() {
        assertThatThrownBy(() -> RandomCheckpoint.write(TINY, DType.F16, 40, 7))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("F16: random weights are BF16 or F32");
    }

    private static byte[] weights(RandomCheckpoint checkpoint) throws IOException {
        return Files.readAllBytes(checkpoint.folder().resolve("model.safetensors"));
    }
}
