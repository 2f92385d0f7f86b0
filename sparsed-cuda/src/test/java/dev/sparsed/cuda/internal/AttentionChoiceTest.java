package dev.sparsed.cuda.internal;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.CoverageRule;
import dev.sparsed.attention.RatioRule;
import dev.sparsed.spi.DType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AttentionChoiceTest {

    @ParameterizedTest
    @CsvSource({
        "90, BF16, 64, 128, 512, HOPPER, HOPPER",
        "90, BF16, 128, 32, 2048, HOPPER, HOPPER",
        "90, BF16, 128, 32, 2049, HOPPER, FLASH",
        "90, BF16, 128, 48, 10, HOPPER, SIMT",
        "80, BF16, 64, 128, 512, FLASH, FLASH",
        "120, BF16, 128, 32, 10, FLASH, FLASH",
        "90, BF16, 96, 64, 10, SIMT, SIMT",
        "90, F32, 128, 128, 10, SIMT, SIMT"
    })
    void theFirstThatServesIsTaken(
            int capability,
            DType dtype,
            int headDim,
            int blockSize,
            int blocks,
            AttentionChoice dense,
            AttentionChoice sparse) {
        assertThat(AttentionChoice.dense(capability, dtype, headDim)).isEqualTo(dense);
        assertThat(AttentionChoice.sparse(capability, dtype, headDim, blockSize, blocks))
                .isEqualTo(sparse);
    }

    @ParameterizedTest
    @CsvSource({"90, BF16, HOPPER, FLASH", "80, BF16, FLASH, FLASH", "90, F32, SIMT, SIMT"})
    void hopperSelectsAFixedShareAlone(
            int capability, DType dtype, AttentionChoice byRatio, AttentionChoice byCoverage) {
        BlockLayout layout = new BlockLayout(1000, 100, 64);
        assertThat(AttentionChoice.selecting(capability, dtype, 128, new RatioRule(layout, 0.3)))
                .isEqualTo(byRatio);
        assertThat(AttentionChoice.selecting(capability, dtype, 128, new CoverageRule(layout, 0.9, 0, 1)))
                .isEqualTo(byCoverage);
    }

    @Test
    void theUserIsToldWhich() {
        assertThat(AttentionChoice.summary(90, DType.BF16)).contains("wgmma");
        assertThat(AttentionChoice.summary(89, DType.BF16)).contains("mma.sync", "compute capability 9.0 alone");
        assertThat(AttentionChoice.summary(90, DType.F32)).contains("float32");
    }
}
