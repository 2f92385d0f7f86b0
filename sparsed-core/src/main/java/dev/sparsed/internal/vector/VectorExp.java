package dev.sparsed.internal.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The exponential function on every lane of a vector. {@code eˣ = 2ⁿ·eʳ} with {@code n = round(x/ln 2)} and {@code |r|
 * ≤ ln 2 / 2}; a polynomial of degree 5 approximates {@code eʳ}. At most 2 ulp off; 0 instead of a subnormal result,
 * because the processors at hand take over a hundred cycles for each operation on one.
 */
final class VectorExp {

    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;

    /** Arguments below give 0: ln(2⁻¹²⁶), where results stop being normal, rounded up. */
    static final float LOWEST = -0x1.5d589ep6f;

    private static final float LOG2_E = 0x1.715476p0f;

    /** ln 2 as the float nearest to it and the rest, so that {@code x − n·ln 2} loses nothing. */
    private static final float LN2_HIGH = 0x1.62e430p-1f;

    private static final float LN2_LOW = -0x1.05c610p-29f;

    /**
     * 1.5·2²³: a float of this size has no bits after the point, so adding it rounds to an integer and leaves that
     * integer in the low bits. Java's own conversion to int costs a fix-up for NaN and overflow.
     */
    private static final float ROUNDER = 0x1.8p23f;

    /** Minimax coefficients of {@code (eʳ − 1)/r}; those XNNPACK uses. */
    private static final float C1 = 0x1.fffff6p-1f;

    private static final float C2 = 0x1.fffdc6p-2f;
    private static final float C3 = 0x1.555a80p-3f;
    private static final float C4 = 0x1.573a1ap-5f;
    private static final float C5 = 0x1.0f9f9cp-7f;

    private VectorExp() {}

    /**
     * {@code eˣ} of every lane.
     *
     * @param x at most 88.72, where {@code eˣ} stops being a finite float; −∞ gives 0, NaN gives NaN
     * @return at most 2 ulp from {@code eˣ}, and 0 where {@code x <} {@link #LOWEST}
     */
    static FloatVector exp(FloatVector x) {
        FloatVector rounded = x.fma(FloatVector.broadcast(FLOATS, LOG2_E), FloatVector.broadcast(FLOATS, ROUNDER));
        FloatVector n = rounded.sub(ROUNDER);
        FloatVector r = n.fma(FloatVector.broadcast(FLOATS, -LN2_HIGH), x);
        r = n.fma(FloatVector.broadcast(FLOATS, -LN2_LOW), r);
        FloatVector p = r.fma(FloatVector.broadcast(FLOATS, C5), FloatVector.broadcast(FLOATS, C4));
        p = p.fma(r, FloatVector.broadcast(FLOATS, C3));
        p = p.fma(r, FloatVector.broadcast(FLOATS, C2));
        p = p.fma(r, FloatVector.broadcast(FLOATS, C1));
        p = p.fma(r, FloatVector.broadcast(FLOATS, 1f));
        // n sits in the low bits of rounded: shifted to the exponent's place and added, it multiplies by 2ⁿ
        IntVector exponent = rounded.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
        FloatVector scaled = p.reinterpretAsInts().add(exponent).reinterpretAsFloats();
        return scaled.blend(0f, x.compare(VectorOperators.LT, LOWEST));
    }
}
