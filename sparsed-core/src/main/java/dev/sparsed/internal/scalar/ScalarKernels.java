package dev.sparsed.internal.scalar;

import dev.sparsed.internal.cpu.CpuAttention;
import dev.sparsed.internal.cpu.CpuKernels;
import dev.sparsed.internal.cpu.Linear;
import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.Weights;
import dev.sparsed.internal.cpu.WorkerPool;
import dev.sparsed.spi.Positions;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Every operation in its shortest form; attention is in {@link ScalarAttention}. Where a sum of products could be written as a dot
 * product, the loops run the other way round ({@code out[j] += x[k]·w[k][j]}): each sum still adds its terms in the order of k, but the
 * compiler can vectorize over j, which makes the reference fast enough to replay whole generations.
 */
public final class ScalarKernels implements CpuKernels {

    private final WorkerPool pool;
    private final ScalarAttention attention;

    /**
     * Kernels of one request.
     *
     * @param pool threads to work on
     */
    public ScalarKernels(WorkerPool pool) {
        this.pool = pool;
        this.attention = new ScalarAttention(pool);
    }

    @Override
    public void linear(Matrix x, List<Linear> layers) {
        layers.forEach(layer -> multiply(x, layer.weight(), layer.bias(), layer.out()));
    }

    /** {@code out[i][j] = Σ_k x[i][k]·w[j][k] (+ bias[j])}. */
    private void multiply(Matrix x, Weights w, @Nullable Matrix bias, Matrix out) {
        int inputs = w.columns();
        int outputs = w.rows();
        float[] transposed = new float[Math.multiplyExact(inputs, outputs)];
        for (int j = 0; j < outputs; j++) {
            for (int k = 0; k < inputs; k++) {
                transposed[k * outputs + j] = w.get((long) j * inputs + k);
            }
        }
        pool.forEach(x.rows(), (i, slot) -> {
            float[] sums = new float[outputs];
            for (int k = 0; k < inputs; k++) {
                addScaled(sums, x.data()[x.row(i) + k], transposed, k * outputs, outputs);
            }
            for (int j = 0; j < outputs; j++) {
                out.data()[out.row(i) + j] = sums[j] + (bias == null ? 0 : bias.data()[bias.offset() + j]);
            }
        });
    }

    /** {@code sums[j] += factor·values[from + j]}. */
    static void addScaled(float[] sums, float factor, float[] values, int from, int count) {
        for (int j = 0; j < count; j++) {
            sums[j] += factor * values[from + j];
        }
    }

    /** {@code out[i] = x[i] / √(mean(x[i]²) + ε) · weight}. */
    @Override
    public void rmsNorm(Matrix x, Matrix weight, float epsilon, Matrix out) {
        int columns = x.columns();
        pool.forEach(x.rows(), (i, slot) -> {
            double squares = 0;
            for (int j = 0; j < columns; j++) {
                double value = x.data()[x.row(i) + j];
                squares += value * value;
            }
            float scale = (float) (1 / Math.sqrt(squares / columns + epsilon));
            for (int j = 0; j < columns; j++) {
                out.data()[out.row(i) + j] = x.data()[x.row(i) + j] * scale * weight.data()[weight.offset() + j];
            }
        });
    }

    /** {@code (x_i, x_j) ← (x_i·cos − x_j·sin, x_j·cos + x_i·sin)}, {@code j = i + D/2}. */
    @Override
    public void rope(Matrix x, int headDim, Matrix cos, Matrix sin, Positions rows) {
        int half = headDim / 2;
        float[] data = x.data();
        for (int row = 0; row < x.rows(); row++) {
            int angles = rows.get(row);
            for (int head = x.row(row); head < x.row(row) + x.columns(); head += headDim) {
                for (int i = head; i < head + half; i++) {
                    float c = cos.data()[cos.row(angles) + i - head];
                    float s = sin.data()[sin.row(angles) + i - head];
                    float first = data[i];
                    float second = data[i + half];
                    data[i] = first * c - second * s;
                    data[i + half] = second * c + first * s;
                }
            }
        }
    }

    /** {@code out = gate / (1 + e^−gate) · up}. */
    @Override
    public void swiGlu(Matrix gate, Matrix up, Matrix out) {
        pool.forEach(gate.rows(), (i, slot) -> {
            for (int j = 0; j < gate.columns(); j++) {
                float z = gate.data()[gate.row(i) + j];
                out.data()[out.row(i) + j] = (float) (z / (1 + Math.exp(-z))) * up.data()[up.row(i) + j];
            }
        });
    }

    /** {@code x += y}. */
    @Override
    public void add(Matrix x, Matrix y) {
        for (int i = 0; i < x.rows() * x.columns(); i++) {
            x.data()[x.offset() + i] += y.data()[y.offset() + i];
        }
    }

    /** {@code c = u + (w + 1)·(c − u)}. */
    @Override
    public void guide(Matrix conditional, Matrix unconditional, float scale) {
        for (int i = 0; i < conditional.rows() * conditional.columns(); i++) {
            float c = conditional.data()[conditional.offset() + i];
            float u = unconditional.data()[unconditional.offset() + i];
            conditional.data()[conditional.offset() + i] = u + (scale + 1) * (c - u);
        }
    }

    /** {@code token = argmax z}, {@code confidence = 1 / Σ e^(z − max z)}. */
    @Override
    public void greedy(Matrix logits, int[] tokens, float[] confidences) {
        pool.forEach(logits.rows(), (i, slot) -> {
            int row = logits.row(i);
            int best = 0;
            for (int j = 1; j < logits.columns(); j++) {
                if (logits.data()[row + j] > logits.data()[row + best]) {
                    best = j;
                }
            }
            double sum = 0;
            for (int j = 0; j < logits.columns(); j++) {
                sum += Math.exp(logits.data()[row + j] - logits.data()[row + best]);
            }
            tokens[i] = best;
            confidences[i] = (float) (1 / sum);
        });
    }

    @Override
    public CpuAttention attention() {
        return attention;
    }
}
