package dev.sparsed.internal.cpu;

import dev.sparsed.spi.Positions;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The arithmetic of a CPU backend. One instance per request: it may keep scratch memory, and is used by one thread at a time. Arguments
 * have been checked by {@link CpuContext}; formulas are in {@link dev.sparsed.spi.ExecutionContext} and
 * {@link dev.sparsed.spi.AttentionBackend}. Results must not depend on the number of threads.
 */
public interface CpuKernels {

    /**
     * {@code out = x·wᵀ (+ bias)}.
     *
     * @param x {@code [rows, in]}
     * @param w {@code [out, in]}
     * @param bias {@code [1, out]} or null
     * @param out {@code [rows, out]}
     */
    default void linear(Matrix x, Weights w, @Nullable Matrix bias, Matrix out) {
        linear(x, List.of(new Linear(w, bias, out)));
    }

    /**
     * Several linear layers of one input; each result is the same as that of its layer alone.
     *
     * @param x {@code [rows, in]}
     * @param layers one or more
     */
    void linear(Matrix x, List<Linear> layers);

    /**
     * {@code out = x / √(mean(x²) + epsilon) · weight} per row.
     *
     * @param x {@code [rows, columns]}
     * @param weight {@code [1, columns]}
     * @param epsilon &gt; 0
     * @param out {@code [rows, columns]}; may be {@code x}
     */
    void rmsNorm(Matrix x, Matrix weight, float epsilon, Matrix out);

    /**
     * Rotate-half RoPE in place.
     *
     * @param x {@code [rows, heads × headDim]}
     * @param headDim even
     * @param cos {@code [positions, headDim/2]}
     * @param sin {@code [positions, headDim/2]}
     * @param rows canvas position of every row
     */
    void rope(Matrix x, int headDim, Matrix cos, Matrix sin, Positions rows);

    /**
     * {@code out = silu(gate) · up}.
     *
     * @param gate {@code [rows, columns]}
     * @param up {@code [rows, columns]}
     * @param out {@code [rows, columns]}; may be {@code gate} or {@code up}
     */
    void swiGlu(Matrix gate, Matrix up, Matrix out);

    /**
     * {@code down.out = (silu(x·gateᵀ) · (x·upᵀ))·downᵀ}.
     *
     * @param x {@code [rows, in]}
     * @param gate without a bias; its result is scratch memory, undefined afterwards
     * @param up likewise, of the same shape
     * @param down without a bias
     */
    default void mlp(Matrix x, Linear gate, Linear up, Linear down) {
        linear(x, List.of(gate, up));
        swiGlu(gate.out(), up.out(), gate.out());
        linear(gate.out(), List.of(down));
    }

    /**
     * {@code x += y}.
     *
     * @param x {@code [rows, columns]}
     * @param y {@code [rows, columns]}
     */
    void add(Matrix x, Matrix y);

    /**
     * {@code conditional = unconditional + (scale + 1)·(conditional − unconditional)}.
     *
     * @param conditional {@code [rows, vocabulary]}
     * @param unconditional {@code [rows, vocabulary]}
     * @param scale ≥ 0
     */
    void guide(Matrix conditional, Matrix unconditional, float scale);

    /**
     * Argmax of every row (ties to the lower index) and its softmax probability.
     *
     * @param logits {@code [rows, vocabulary]}
     * @param tokens receives the indexes
     * @param confidences receives the probabilities
     */
    void greedy(Matrix logits, int[] tokens, float[] confidences);

    /** {@return the attention operations} */
    CpuAttention attention();
}
