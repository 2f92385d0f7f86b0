package dev.sparsed.internal.vector;

import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.WorkerPool;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/**
 * RMSNorm, {@code out = x / √(mean(x²) + ε) · weight} per row (Zhang and Sennrich, 2019). A row's squares collect in
 * four vectors, whose lanes are then added one by one in double precision: {@code reduceLanes} does not say in which
 * order it adds floats, and compiled code does use another one than the interpreter.
 */
final class Norm extends RowOperation {

    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;

    private static final int LANES = FLOATS.length();

    private final float[][] lanes;
    private Matrix x = NOTHING;
    private Matrix weight = NOTHING;
    private float epsilon;
    private Matrix out = NOTHING;

    /**
     * Norms of one request.
     *
     * @param pool threads to work on
     */
    Norm(WorkerPool pool) {
        super(pool);
        lanes = new float[pool.slots()][LANES];
    }

    /** See {@link dev.sparsed.internal.cpu.CpuKernels#rmsNorm}. */
    void rmsNorm(Matrix x, Matrix weight, float epsilon, Matrix out) {
        this.x = x;
        this.weight = weight;
        this.epsilon = epsilon;
        this.out = out;
        forEachRow(x.rows(), x.columns());
    }

    @Override
    void run(int from, int to, int slot) {
        for (int row = from; row < to; row++) {
            double mean = sumOfSquares(x.data(), x.row(row), x.columns(), lanes[slot]) / x.columns();
            float factor = (float) (1 / Math.sqrt(mean + epsilon));
            scale(x.data(), x.row(row), factor, weight.data(), weight.offset(), out.data(), out.row(row), x.columns());
        }
    }

    private static double sumOfSquares(float[] x, int from, int count, float[] lanes) {
        FloatVector s0 = FloatVector.zero(FLOATS);
        FloatVector s1 = FloatVector.zero(FLOATS);
        FloatVector s2 = FloatVector.zero(FLOATS);
        FloatVector s3 = FloatVector.zero(FLOATS);
        int j = 0;
        for (int bound = count - count % (4 * LANES); j < bound; j += 4 * LANES) {
            FloatVector v0 = FloatVector.fromArray(FLOATS, x, from + j);
            FloatVector v1 = FloatVector.fromArray(FLOATS, x, from + j + LANES);
            FloatVector v2 = FloatVector.fromArray(FLOATS, x, from + j + 2 * LANES);
            FloatVector v3 = FloatVector.fromArray(FLOATS, x, from + j + 3 * LANES);
            s0 = v0.fma(v0, s0);
            s1 = v1.fma(v1, s1);
            s2 = v2.fma(v2, s2);
            s3 = v3.fma(v3, s3);
        }
        for (int bound = FLOATS.loopBound(count); j < bound; j += LANES) {
            FloatVector v = FloatVector.fromArray(FLOATS, x, from + j);
            s0 = v.fma(v, s0);
        }
        if (j < count) {
            FloatVector v = FloatVector.fromArray(FLOATS, x, from + j, FLOATS.indexInRange(j, count));
            s1 = v.fma(v, s1);
        }
        s0.add(s1).add(s2.add(s3)).intoArray(lanes, 0);
        double sum = 0;
        for (float lane : lanes) {
            sum += lane;
        }
        return sum;
    }

    private static void scale(
            float[] x, int from, float factor, float[] weight, int weightFrom, float[] out, int to, int count) {
        int j = 0;
        for (int bound = FLOATS.loopBound(count); j < bound; j += LANES) {
            FloatVector.fromArray(FLOATS, x, from + j)
                    .mul(factor)
                    .mul(FloatVector.fromArray(FLOATS, weight, weightFrom + j))
                    .intoArray(out, to + j);
        }
        if (j < count) {
            VectorMask<Float> rest = FLOATS.indexInRange(j, count);
            FloatVector.fromArray(FLOATS, x, from + j, rest)
                    .mul(factor)
                    .mul(FloatVector.fromArray(FLOATS, weight, weightFrom + j, rest))
                    .intoArray(out, to + j, rest);
        }
    }
}
