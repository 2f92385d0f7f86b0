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

    /** Shifts of {@link #exp2} are smaller, so that {@link #rounder} is exact and shares its bits with no fraction. */
    static final float MOST_SHIFT = 0x1p21f;

    /** Minimax coefficients of {@code (2ʳ − 1)/r}. */
    private static final float D1 = 0x1.62e42ap-1f;

    private static final float D2 = 0x1.ebf9d4p-3f;
    private static final float D3 = 0x1.c6b6f4p-5f;
    private static final float D4 = 0x1.3ce2c8p-7f;
    private static final float D5 = 0x1.5bca76p-10f;

    /**
     * {@return the second argument of {@link #exp2} for a shift}
     *
     * @param shift an integer, below {@link #MOST_SHIFT} in magnitude
     */
    static FloatVector rounder(float shift) {
        return FloatVector.broadcast(FLOATS, ROUNDER - shift);
    }

    /**
     * {@return the third argument of {@link #exp2} for a shift}
     *
     * @param shift as for {@link #rounder}
     */
    static FloatVector lowest(float shift) {
        return FloatVector.broadcast(FLOATS, shift + Float.MIN_EXPONENT);
    }

    /**
     * {@code 2^(x − shift)} of every lane. That the shift is an integer saves the subtraction before {@link #exp}, and
     * the base half of its reduction: 12 operations instead of 14.
     *
     * @param x at most shift + 127; −∞ gives 0, NaN gives NaN
     * @param rounder from the method of that name
     * @param lowest from the method of that name
     * @return at most 2 ulp from {@code 2^(x − shift)}, and 0 where {@code x < shift − 126}
     */
    static FloatVector exp2(FloatVector x, FloatVector rounder, FloatVector lowest) {
        FloatVector rounded = x.add(rounder);
        FloatVector r = x.sub(rounded.sub(rounder));
        FloatVector p = r.fma(FloatVector.broadcast(FLOATS, D5), FloatVector.broadcast(FLOATS, D4));
        p = p.fma(r, FloatVector.broadcast(FLOATS, D3));
        p = p.fma(r, FloatVector.broadcast(FLOATS, D2));
        p = p.fma(r, FloatVector.broadcast(FLOATS, D1));
        p = p.fma(r, FloatVector.broadcast(FLOATS, 1f));
        IntVector exponent = rounded.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23);
        FloatVector scaled = p.reinterpretAsInts().add(exponent).reinterpretAsFloats();
        return scaled.blend(0f, x.compare(VectorOperators.LT, lowest));
    }
}
