package dev.sparsed;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LoadOptionsTest {

    @ParameterizedTest
    @ValueSource(ints = {-1, 4097, Integer.MAX_VALUE})
    void threadsHaveARange(int threads) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> LoadOptions.DEFAULT.withThreads(threads))
                .withMessage("threads = " + threads + ": must be 1 ... 4096, or 0 for all processors");
        assertThat(LoadOptions.DEFAULT.withThreads(4096).threads()).isEqualTo(4096);
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, (1 << 24) + 1, Integer.MAX_VALUE})
    void theContextLengthHasARange(int tokens) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> LoadOptions.DEFAULT.withContextLength(tokens))
                .withMessage("contextLength = " + tokens + ": must be 1 ... 16777216, or 0 for the checkpoint's");
        assertThat(LoadOptions.DEFAULT.withContextLength(1 << 24).contextLength())
                .isEqualTo(1 << 24);
    }

    @Test
    void aModelIsAFolderOnThisMachine(@TempDir Path folder) throws Exception {
        Path missing = folder.resolve("GSAI-ML").resolve("LLaDA-8B-Instruct");
        assertThatThrownBy(() -> DiffusionModel.load(missing))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContainingAll(missing.toString(), "found nothing", "no model is downloaded");
        Path file = Files.createFile(folder.resolve("model.gguf"));
        assertThatThrownBy(() -> DiffusionModel.load(file))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContainingAll(file.toString(), "expected a folder with config.json", "found a file");
        assertThatThrownBy(() -> DiffusionModel.load(folder))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("config.json: no such file");
    }
}
