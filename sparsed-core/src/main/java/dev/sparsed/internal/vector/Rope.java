package dev.sparsed.internal.vector;

import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.WorkerPool;
import dev.sparsed.spi.Positions;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/**
 * Rotate-half RoPE in place: {@code (x_i, x_j) ← (x_i·cos − x_j·sin, x_j·cos + x_i·sin)}, {@code j = i + headDim/2}
 * (Su et al., 2021, in the arrangement of GPT-NeoX and Llama).
 */
final class Rope extends RowOperation {

    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;

    private static final int LANES = FLOATS.length();

    private Matrix x = NOTHING;
    private int headDim;
    private Matrix cos = NOTHING;
    private Matrix sin = NOTHING;
    private Positions rows = Positions.range(0, 0);

    /**
     * Rotations of one request.
     *
     * @param pool threads to work on
     */
    Rope(WorkerPool pool) {
        super(pool);
    }

    /** See {@link dev.sparsed.internal.cpu.CpuKernels#rope}. */
    void rope(Matrix x, int headDim, Matrix cos, Matrix sin, Positions rows) {
        this.x = x;
        this.headDim = headDim;
        this.cos = cos;
        this.sin = sin;
        this.rows = rows;
        forEachRow(x.rows(), x.columns());
    }

    @Override
    void run(int from, int to, int slot) {
        for (int row = from; row < to; row++) {
            int angles = rows.get(row);
            int end = x.row(row) + x.columns();
            for (int head = x.row(row); head < end; head += headDim) {
                rotate(x.data(), head, headDim / 2, cos.data(), cos.row(angles), sin.data(), sin.row(angles));
            }
        }
    }

    private static void rotate(float[] x, int head, int half, float[] cos, int cosFrom, float[] sin, int sinFrom) {
        int i = 0;
        for (int bound = FLOATS.loopBound(half); i < bound; i += LANES) {
            FloatVector c = FloatVector.fromArray(FLOATS, cos, cosFrom + i);
            FloatVector s = FloatVector.fromArray(FLOATS, sin, sinFrom + i);
            FloatVector first = FloatVector.fromArray(FLOATS, x, head + i);
            FloatVector second = FloatVector.fromArray(FLOATS, x, head + half + i);
            first.mul(c).sub(second.mul(s)).intoArray(x, head + i);
            second.mul(c).add(first.mul(s)).intoArray(x, head + half + i);
        }
        if (i < half) {
            VectorMask<Float> rest = FLOATS.indexInRange(i, half);
            FloatVector c = FloatVector.fromArray(FLOATS, cos, cosFrom + i, rest);
            FloatVector s = FloatVector.fromArray(FLOATS, sin, sinFrom + i, rest);
            FloatVector first = FloatVector.fromArray(FLOATS, x, head + i, rest);
            FloatVector second = FloatVector.fromArray(FLOATS, x, head + half + i, rest);
            first.mul(c).sub(second.mul(s)).intoArray(x, head + i, rest);
            second.mul(c).add(first.mul(s)).intoArray(x, head + half + i, rest);
        }
    }
}
