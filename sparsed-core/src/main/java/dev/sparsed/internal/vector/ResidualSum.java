package dev.sparsed.internal.vector;

import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.WorkerPool;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/** The residual sum {@code x += y}. Each element is rounded as in plain Java, so it equals the scalar kernel exactly. */
final class ResidualSum extends RowOperation {

    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;

    private static final int LANES = FLOATS.length();

    private Matrix x = NOTHING;
    private Matrix y = NOTHING;

    /**
     * Sums of one request.
     *
     * @param pool threads to work on
     */
    ResidualSum(WorkerPool pool) {
        super(pool);
    }

    /** See {@link dev.sparsed.internal.cpu.CpuKernels#add}. */
    void add(Matrix x, Matrix y) {
        this.x = x;
        this.y = y;
        forEachRow(x.rows(), x.columns());
    }

    @Override
    void run(int from, int to, int slot) {
        add(x.data(), x.row(from), y.data(), y.row(from), (to - from) * x.columns());
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
}
