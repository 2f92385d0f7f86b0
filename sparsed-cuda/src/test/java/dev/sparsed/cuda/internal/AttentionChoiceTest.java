package dev.sparsed.cuda.internal;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sparsed.spi.DType;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AttentionChoiceTest {

    @ParameterizedTest
    @CsvSource({
        "BF16, 64, 128, FLASH, FLASH",
        "BF16, 128, 32, FLASH, FLASH",
        "BF16, 128, 48, FLASH, SIMT",
        "BF16, 96, 64, SIMT, SIMT",
        "F32, 128, 128, SIMT, SIMT"
    })
    void tensorCoresServeWhatTheyCan(
            DType dtype, int headDim, int blockSize, AttentionChoice dense, AttentionChoice sparse) {
        assertThat(AttentionChoice.dense(dtype, headDim)).isEqualTo(dense);
        assertThat(AttentionChoice.sparse(dtype, headDim, blockSize)).isEqualTo(sparse);
    }
}
