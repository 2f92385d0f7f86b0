package dev.sparsed.internal.vector;

import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.WorkerPool;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@code out = silu(gate) · up} with {@code silu(z) = z / (1 + e^−z)} (Shazeer, "GLU Variants Improve Transformer",
 * 2020).
 */
final class SwiGlu extends RowOperation {

    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;

    private static final int LANES = FLOATS.length();

    private Matrix gate = NOTHING;
    private Matrix up = NOTHING;
    private Matrix out = NOTHING;

    /**
     * Gates of one request.
     *
     * @param pool threads to work on
     */
    SwiGlu(WorkerPool pool) {
        super(pool);
    }

    /** See {@link dev.sparsed.internal.cpu.CpuKernels#swiGlu}. */
    void swiGlu(Matrix gate, Matrix up, Matrix out) {
        this.gate = gate;
        this.up = up;
        this.out = out;
        forEachRow(gate.rows(), gate.columns());
    }

    @Override
    void run(int from, int to, int slot) {
        int count = (to - from) * gate.columns();
        swiGlu(gate.data(), gate.row(from), up.data(), up.row(from), out.data(), out.row(from), count);
    }

    private static void swiGlu(float[] gate, int gateFrom, float[] up, int upFrom, float[] out, int to, int count) {
        int j = 0;
        for (int bound = FLOATS.loopBound(count); j < bound; j += LANES) {
            silu(FloatVector.fromArray(FLOATS, gate, gateFrom + j))
                    .mul(FloatVector.fromArray(FLOATS, up, upFrom + j))
                    .intoArray(out, to + j);
        }
        if (j < count) {
            VectorMask<Float> rest = FLOATS.indexInRange(j, count);
            silu(FloatVector.fromArray(FLOATS, gate, gateFrom + j, rest))
                    .mul(FloatVector.fromArray(FLOATS, up, upFrom + j, rest))
                    .intoArray(out, to + j, rest);
        }
    }

    /** With {@code e = e^−|z|}, which cannot overflow: {@code z/(1 + e)} for z ≥ 0, {@code z·e/(1 + e)} below. */
    private static FloatVector silu(FloatVector z) {
        FloatVector e = VectorExp.exp(z.abs().neg());
        FloatVector numerator = z.mul(e).blend(z, z.compare(VectorOperators.GE, 0f));
        return numerator.div(e.add(1f));
    }
}
