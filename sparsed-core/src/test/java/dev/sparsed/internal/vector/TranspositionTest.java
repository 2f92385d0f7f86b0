package dev.sparsed.internal.vector;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TranspositionTest {

    private static final int STRIDE = 70;
    private static final int FIRST = 3;
    private static final int BEGIN = 12;

    private final float[] from = random(FIRST + STRIDE * PanelList.LANES);

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 16, 33, 64, 67})
    void transposes(int columns) {
        float[] expected = random(BEGIN + STRIDE * PanelList.LANES);
        float[] actual = expected.clone();
        for (int row = 0; row < PanelList.LANES; row++) {
            for (int column = 0; column < columns; column++) {
                expected[BEGIN + column * PanelList.LANES + row] = from[FIRST + row * STRIDE + column];
            }
        }
        Transposition.transpose(from, FIRST, STRIDE, columns, actual, BEGIN);
        assertThat(actual).isEqualTo(expected);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 16, 33, 64, 67})
    void interleavesAndScales(int columns) {
        float[] expected = random(BEGIN + 4 * STRIDE);
        float[] actual = expected.clone();
        for (int row = 0; row < 4; row++) {
            for (int column = 0; column < columns; column++) {
                expected[BEGIN + 4 * column + row] = from[FIRST + row * STRIDE + column] * 0.3f;
            }
        }
        Transposition.interleave4(from, FIRST, STRIDE, columns, 0.3f, actual, BEGIN);
        assertThat(actual).isEqualTo(expected);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 7, 16, 33, 64, 67})
    void interleavesSixRows(int columns) {
        float[] expected = random(BEGIN + 6 * STRIDE);
        float[] actual = expected.clone();
        float[] rows = random(FIRST + STRIDE * 6);
        for (int row = 0; row < 6; row++) {
            for (int column = 0; column < columns; column++) {
                expected[BEGIN + 6 * column + row] = rows[FIRST + row * STRIDE + column];
            }
        }
        Transposition.interleave6(rows, FIRST, STRIDE, columns, actual, BEGIN);
        assertThat(actual).isEqualTo(expected);
    }

    private static float[] random(int count) {
        Random random = new Random(5);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = random.nextFloat();
        }
        return values;
    }
}
