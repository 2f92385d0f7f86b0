package dev.sparsed.internal.vector;

import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.WorkerPool;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The residual sum and classifier-free guidance. Each element is rounded as in plain Java, so these equal the scalar
 * kernels exactly.
 */
final class Elementwise {

    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;

    private static final int LANES = FLOATS.length();

    private Elementwise() {}

    /** {@code x += y}; see {@link dev.sparsed.internal.cpu.CpuKernels#add}. */
    static void add(WorkerPool pool, Matrix x, Matrix y) {
        RowTasks.forEach(
                pool,
                x.rows(),
                x.columns(),
                (from, to) -> add(x.data(), x.row(from), y.data(), y.row(from), (to - from) * x.columns()));
    }

    private static void add(float[] x, int xFrom, float[] y, int yFrom, int count) {
        int j = 0;
        for (int bound = FLOATS.loopBound(count); j < bound; j += LANES) {
            FloatVector.fromArray(FLOATS, x, xFrom + j)
                    .add(FloatVector.fromArray(FLOATS, y, yFrom + j))
                    .intoArray(x, xFrom + j);
        }
        for (; j < count; j++) {
            x[xFrom + j] += y[yFrom + j];
        }
    }

    /** {@code c = u + (w + 1)·(c − u)}; see {@link dev.sparsed.internal.cpu.CpuKernels#guide}. */
    static void guide(WorkerPool pool, Matrix conditional, Matrix unconditional, float scale) {
        RowTasks.forEach(
                pool,
                conditional.rows(),
                conditional.columns(),
                (from, to) -> guide(
                        conditional.data(),
                        conditional.row(from),
                        unconditional.data(),
                        unconditional.row(from),
                        scale + 1,
                        (to - from) * conditional.columns()));
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
