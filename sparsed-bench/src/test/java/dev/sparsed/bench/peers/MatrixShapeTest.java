package dev.sparsed.bench.peers;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MatrixShapeTest {

    @Test
    void readsWhatItWrites() {
        MatrixShape shape = MatrixShape.parse("512x1024x2816");
        assertThat(shape).isEqualTo(new MatrixShape(512, 1024, 2816)).hasToString("512x1024x2816");
        assertThat(shape.operations()).isEqualTo(2_952_790_016.0);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "512", "512x1024", "512x1024x", "512x1024x-1", "512 x 1024 x 1", "1x1x1x1", "1x1x1234567"})
    void refusesOtherText(String text) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> MatrixShape.parse(text))
                .withMessageContaining("ROWSxINxOUT");
    }

    @Test
    void refusesEmptyAndHugeMatrices() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> MatrixShape.parse("0x5x5"))
                .withMessageContaining("at least 1");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> MatrixShape.parse("1x99999x99999"))
                .withMessageContaining("larger than an array");
    }
}
