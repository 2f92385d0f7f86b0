package dev.sparsed.internal.vector;

import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.WorkerPool;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Classifier-free guidance {@code c = u + (w + 1)·(c − u)}. Each element is rounded as in plain Java, so it equals the
 * scalar kernel exactly.
 */
final class Guidance extends RowOperation {

    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;

    private static final int LANES = FLOATS.length();

    private Matrix conditional = NOTHING;
    private Matrix unconditional = NOTHING;
    private float scale;

    /**
     * Guidance of one request.
     *
     * @param pool threads to work on
     */
    Guidance(WorkerPool pool) {
        super(pool);
    }

    /** See {@link dev.sparsed.internal.cpu.CpuKernels#guide}. */
    void guide(Matrix conditional, Matrix unconditional, float scale) {
        this.conditional = conditional;
        this.unconditional = unconditional;
        this.scale = scale;
        forEachRow(conditional.rows(), conditional.columns());
    }

    @Override
    void run(int from, int to, int slot) {
        guide(
                conditional.data(),
                conditional.row(from),
                unconditional.data(),
                unconditional.row(from),
                scale + 1,
                (to - from) * conditional.columns());
    }

    private static void guide(float[] c, int cFrom, float[] u, int uFrom, float factor, int count) {
        int j = 0;
        for (int bound = FLOATS.loopBound(count); j < bound; j += LANES) {
            FloatVector without = FloatVector.fromArray(FLOATS, u, uFrom + j);
            FloatVector.fromArray(FLOATS, c, cFrom + j)
                    .sub(without)
                    .mul(factor)
                    .add(without)
                    .intoArray(c, cFrom + j);
        }
        for (; j < count; j++) {
            c[cFrom + j] = u[uFrom + j] + factor * (c[cFrom + j] - u[uFrom + j]);
        }
    }
}
