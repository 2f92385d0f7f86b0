package dev.sparsed.internal.vector;

import static org.assertj.core.api.Assertions.assertThat;

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
