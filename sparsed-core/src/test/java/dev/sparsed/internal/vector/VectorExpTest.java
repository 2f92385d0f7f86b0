package dev.sparsed.internal.vector;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;
import org.junit.jupiter.api.Test;

class VectorExpTest {

    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;

    /** Every 61st float of the range, negative and positive, denormal to largest: 36 million of them. */
    @Test
    void isWithinTwoUlpOfTheExactValue() {
        double worst =
                Math.max(worstUlps(0, Float.floatToIntBits(88.72f)), worstUlps(0x80000000, bits(VectorExp.LOWEST)));
        assertThat(worst).isLessThan(2.0);
    }

    @Test
    void isZeroWhereTheResultWouldBeSubnormal() {
        float[] x = {Math.nextDown(VectorExp.LOWEST), -88, -104, -1000, -1e9f, -Float.MAX_VALUE, Float.NEGATIVE_INFINITY
        };
        assertThat(exp(x)).containsOnly(0f);
        assertThat(Math.exp(VectorExp.LOWEST)).isGreaterThanOrEqualTo(Float.MIN_NORMAL);
        assertThat((float) Math.exp(Math.nextDown(VectorExp.LOWEST))).isLessThan(Math.nextUp(Float.MIN_NORMAL));
    }

    @Test
    void isExactAtZeroAndKeepsNaN() {
        assertThat(exp(0f, -0f, Float.NaN)).containsExactly(1f, 1f, Float.NaN);
    }

    /** Shifts of both signs and every size; for shift 0 arguments over the whole range, eight million of them. */
    @Test
    void powersOfTwoAreWithinTwoUlpOfTheExactValue() {
        assertThat(worstUlpsOfPower(0, 0x1.01p-15 + 0x1p-40)).isLessThan(2.0);
        for (float shift : new float[] {-3, 17, -1000, 1_999_999, -2_097_151}) {
            assertThat(worstUlpsOfPower(shift, 0x1.01p-9)).isLessThan(2.0);
        }
    }

    @Test
    void powersOfTwoAreZeroWhereTheyWouldBeSubnormal() {
        for (float shift : new float[] {0, -50, 1000}) {
            float lowest = shift - 126;
            assertThat(exp2(shift, Math.nextDown(lowest), -1e9f, -Float.MAX_VALUE, Float.NEGATIVE_INFINITY))
                    .containsOnly(0f);
            assertThat(exp2(shift, lowest, shift, shift + 1, Float.NaN))
                    .containsExactly(Float.MIN_NORMAL, 1f, 2f, Float.NaN);
        }
    }

    /** The largest error, in units of the last place of the exact value, over arguments a given distance apart. */
    private static double worstUlpsOfPower(float shift, double distance) {
        int lanes = FLOATS.length();
        float[] x = new float[lanes];
        double worst = 0;
        for (double next = shift - 126.0; next < shift + 127.0; next += lanes * distance) {
            for (int lane = 0; lane < lanes; lane++) {
                x[lane] = (float) Math.min(shift + 127.0, next + lane * distance);
            }
            float[] y = exp2(shift, x);
            for (int lane = 0; lane < lanes; lane++) {
                double exact = Math.pow(2, (double) x[lane] - shift);
                worst = Math.max(worst, Math.abs(y[lane] - exact) / Math.ulp((float) exact));
            }
        }
        return worst;
    }

    private static float[] exp2(float shift, float... x) {
        float[] padded = Arrays.copyOf(x, Math.ceilDiv(x.length, FLOATS.length()) * FLOATS.length());
        for (int i = 0; i < padded.length; i += FLOATS.length()) {
            VectorExp.exp2(FloatVector.fromArray(FLOATS, padded, i), VectorExp.rounder(shift), VectorExp.lowest(shift))
                    .intoArray(padded, i);
        }
        return Arrays.copyOf(padded, x.length);
    }

    private static int bits(float x) {
        return Float.floatToRawIntBits(x);
    }

    /**
     * The largest error, in units of the last place of the exact value, over every 61st float between two bit
     * patterns.
     */
    private static double worstUlps(int firstBits, int lastBits) {
        int lanes = FLOATS.length();
        float[] x = new float[lanes];
        float[] y = new float[lanes];
        double worst = 0;
        for (long next = firstBits; next <= lastBits; next += 61L * lanes) {
            for (int lane = 0; lane < lanes; lane++) {
                x[lane] = Float.intBitsToFloat((int) Math.min(lastBits, next + 61L * lane));
            }
            VectorExp.exp(FloatVector.fromArray(FLOATS, x, 0)).intoArray(y, 0);
            for (int lane = 0; lane < lanes; lane++) {
                double exact = Math.exp(x[lane]);
                worst = Math.max(worst, Math.abs(y[lane] - exact) / Math.ulp((float) exact));
            }
        }
        return worst;
    }

    private static float[] exp(float... x) {
        float[] result = new float[x.length];
        for (int i = 0; i < x.length; i++) {
            result[i] = VectorExp.exp(FloatVector.broadcast(FLOATS, x[i])).lane(0);
        }
        return result;
    }
}
