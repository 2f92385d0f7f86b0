package dev.sparsed.cuda.internal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sparsed.cuda.internal.Fp8.Attention;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class Fp8Test {

    private static final String PROPERTY = "sparsed.cuda.fp8.attention";

    @AfterEach
    void restore() {
        System.clearProperty(PROPERTY);
    }

    @ParameterizedTest
    @CsvSource({
        "MANY_ROWS, 90, 128, 128, 4096, true",
        "MANY_ROWS, 90, 64, 128, 65536, true",
        "MANY_ROWS, 90, 128, 128, 4095, false",
        "MANY_ROWS, 90, 128, 64, 65536, false",
        "MANY_ROWS, 90, 96, 128, 65536, false",
        "MANY_ROWS, 89, 128, 128, 65536, false",
        "MANY_ROWS, 100, 128, 128, 65536, false",
        "ALWAYS, 90, 128, 128, 1, true",
        "ALWAYS, 80, 128, 128, 1, false",
        "NEVER, 90, 128, 128, 65536, false"
    })
    void attentionIsIn8BitFloatsWhereItPays(
            Attention attention, int capability, int headDim, int blockSize, int rows, boolean expected) {
        assertThat(attention.serves(capability, headDim, blockSize, rows)).isEqualTo(expected);
    }

    @Test
    void theUserIsToldWhich() {
        assertThat(Attention.MANY_ROWS.summary(90)).contains("blocks of 128", "e4m3", "4096 rows");
        assertThat(Attention.ALWAYS.summary(90)).contains("e4m3").doesNotContain("rows");
        assertThat(Attention.NEVER.summary(90)).isEmpty();
        assertThat(Attention.ALWAYS.summary(89)).isEmpty();
    }

    @Test
    void theUserMayDecide() {
        assertThat(Attention.requested()).isEqualTo(Attention.MANY_ROWS);
        System.setProperty(PROPERTY, "never");
        assertThat(Attention.requested()).isEqualTo(Attention.NEVER);
        System.setProperty(PROPERTY, "always");
        assertThat(Attention.requested()).isEqualTo(Attention.ALWAYS);
        System.setProperty(PROPERTY, "yes");
        assertThatThrownBy(Attention::requested)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("never, always");
    }
}
