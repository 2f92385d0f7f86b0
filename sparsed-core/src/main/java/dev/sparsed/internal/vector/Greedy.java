package dev.sparsed.internal.vector;

import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.WorkerPool;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/** {@code token = argmax z} (ties to the lower index) and {@code confidence = 1 / Σ e^(z − max z)} of every row. */
final class Greedy extends RowOperation {

    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;

    private static final int LANES = FLOATS.length();

    /**
     * Terms that each lane adds up in single precision before the sum goes on in double: a vocabulary has over
     * 100,000.
     */
    private static final int TERMS = 64;

    private final float[][] lanes;
    private Matrix logits = NOTHING;
    private int[] tokens = {};
    private float[] confidences = {};

    /**
     * Candidates of one request.
     *
     * @param pool threads to work on
     */
    Greedy(WorkerPool pool) {
        super(pool);
        lanes = new float[pool.slots()][LANES];
    }

    /** See {@link dev.sparsed.internal.cpu.CpuKernels#greedy}. */
    void greedy(Matrix logits, int[] tokens, float[] confidences) {
        this.logits = logits;
        this.tokens = tokens;
        this.confidences = confidences;
        forEachRow(logits.rows(), logits.columns());
    }

    @Override
    void run(int from, int to, int slot) {
        for (int row = from; row < to; row++) {
            int at = logits.row(row);
            float largest = largest(logits.data(), at, logits.columns(), lanes[slot]);
            tokens[row] = firstOf(largest, logits.data(), at, logits.columns());
            confidences[row] = (float) (1 / sumOfExp(logits.data(), at, logits.columns(), largest, lanes[slot]));
        }
    }

    private static float largest(float[] z, int from, int count, float[] lanes) {
        FloatVector best = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
        int j = 0;
        for (int bound = FLOATS.loopBound(count); j < bound; j += LANES) {
            FloatVector v = FloatVector.fromArray(FLOATS, z, from + j);
            // max() would also order -0 before 0 and look for NaN, which costs five instructions instead of two
            best = best.blend(v, v.compare(VectorOperators.GT, best));
        }
        best.intoArray(lanes, 0);
        float largest = Float.NEGATIVE_INFINITY;
        for (float lane : lanes) {
            largest = Math.max(largest, lane);
        }
        for (; j < count; j++) {
            largest = Math.max(largest, z[from + j]);
        }
        return largest;
    }

    /** The lowest index of this value; there is one. */
    private static int firstOf(float value, float[] z, int from, int count) {
        int j = 0;
        for (int bound = FLOATS.loopBound(count); j < bound; j += LANES) {
            VectorMask<Float> equal = FloatVector.fromArray(FLOATS, z, from + j).compare(VectorOperators.EQ, value);
            if (equal.anyTrue()) {
                return j + equal.firstTrue();
            }
        }
        while (j < count - 1 && z[from + j] != value) {
            j++;
        }
        return j;
    }

    private static double sumOfExp(float[] z, int from, int count, float largest, float[] lanes) {
        double sum = 0;
        for (int j = 0; j < count; j += TERMS * LANES) {
            lanesOfExp(z, from + j, Math.min(TERMS * LANES, count - j), largest, lanes);
            for (float lane : lanes) {
                sum += lane;
            }
        }
        return sum;
    }

    private static void lanesOfExp(float[] z, int from, int count, float largest, float[] lanes) {
        FloatVector sum = FloatVector.zero(FLOATS);
        int j = 0;
        for (int bound = FLOATS.loopBound(count); j < bound; j += LANES) {
            sum = sum.add(
                    VectorExp.exp(FloatVector.fromArray(FLOATS, z, from + j).sub(largest)));
        }
        if (j < count) {
            VectorMask<Float> rest = FLOATS.indexInRange(j, count);
            FloatVector last = VectorExp.exp(
                    FloatVector.fromArray(FLOATS, z, from + j, rest).sub(largest));
            sum = sum.add(last, rest);
        }
        sum.intoArray(lanes, 0);
    }
}
