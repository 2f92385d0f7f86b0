package dev.sparsed.spi;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One request's view of a backend: its activations and the operations on them, in order. Confined to one thread at a time; any number of
 * contexts work on one {@link Backend} at once. Closing it frees its activations.
 *
 * <p>Arguments of the wrong shape, or tensors of another backend, are programming errors and throw {@link IllegalArgumentException}.
 */
public interface ExecutionContext extends AutoCloseable {

    /**
     * A new activation with undefined contents, of the type the backend computes in.
     *
     * @param rows ≥ 0
     * @param columns ≥ 1
     * @return the tensor, valid until this context is closed
     * @throws OutOfMemoryError if it does not fit into the JVM's heap
     */
    Tensor allocate(int rows, int columns);

    /**
     * The same, but float32 whatever the backend computes in: logits and log-sum-exps.
     *
     * @param rows ≥ 0
     * @param columns ≥ 1
     * @return the tensor, valid until this context is closed
     */
    default Tensor allocateFloats(int rows, int columns) {
        return allocate(rows, columns);
    }

    /**
     * From about how many rows on a matrix product runs no faster with more: wide inner activations are computed so many rows at a time, since
     * at 65,536 tokens they would otherwise be the largest buffers by far.
     *
     * @return ≥ 1
     */
    default int rowsAtATime() {
        return 2048;
    }

    /**
     * Runs operations that will come again. With an equal key, a backend may record them once and later replay the recording instead of
     * running them: then they must be the same operations on the same tensors, with token ids alone differing, and read nothing back.
     *
     * @param key equal for equal operations
     * @param tokens the token ids that {@link #embed} is given by these operations
     * @param operations what to run
     */
    default void replayable(Object key, int[] tokens, Runnable operations) {
        operations.run();
    }

    /**
     * Embedding: {@code out[i] = table[tokens[i]]}.
     *
     * @param table {@code [vocabulary, columns]}
     * @param tokens token ids, 0 … vocabulary − 1
     * @param out {@code [tokens.length, columns]}
     */
    void embed(Tensor table, int[] tokens, Tensor out);

    /**
     * RMSNorm (arXiv 1910.07467, eq. 4): {@code out = x / √(mean(x²) + epsilon) · weight} per row.
     *
     * @param x {@code [rows, columns]}
     * @param weight {@code [1, columns]}
     * @param epsilon &gt; 0
     * @param out {@code [rows, columns]}; may be {@code x}
     */
    void rmsNorm(Tensor x, Tensor weight, float epsilon, Tensor out);

    /**
     * A residual connection and the norm after it: {@code x += y}, then {@link #rmsNorm} of x.
     *
     * @param x {@code [rows, columns]}
     * @param y {@code [rows, columns]}
     * @param weight {@code [1, columns]}
     * @param epsilon &gt; 0
     * @param out {@code [rows, columns]}; not {@code x} or {@code y}
     */
    default void addThenRmsNorm(Tensor x, Tensor y, Tensor weight, float epsilon, Tensor out) {
        add(x, y);
        rmsNorm(x, weight, epsilon, out);
    }

    /**
     * Linear layer: {@code out = x·weightᵀ (+ bias)}, accumulated in float32.
     *
     * @param x {@code [rows, in]}
     * @param weight {@code [out, in]}
     * @param bias {@code [1, out]} or null
     * @param out {@code [rows, out]}; not {@code x}
     */
    void linear(Tensor x, Tensor weight, @Nullable Tensor bias, Tensor out);

    /**
     * Several linear layers of one input: {@code outs[i] = layers[i](x)}, each as {@link #linear(Tensor, Tensor, Tensor, Tensor)} computes it.
     * A backend overrides this where it can share work among them; the results stay the same.
     *
     * @param x {@code [rows, in]}
     * @param layers one or more, all with {@code in} inputs
     * @param outs one per layer, {@code [rows, out]} of that layer; neither {@code x} nor one another
     */
    default void linear(Tensor x, List<LinearLayer> layers, List<Tensor> outs) {
        if (layers.size() != outs.size()) {
            throw new IllegalArgumentException(layers.size() + " layers, room for the results of " + outs.size());
        }
        for (int i = 0; i < layers.size(); i++) {
            linear(x, layers.get(i).weight(), layers.get(i).bias(), outs.get(i));
        }
    }

    /**
     * Rotary position embedding (RoFormer, arXiv 2104.09864, eq. 34) in place, in its rotate-half form: in every head, with
     * {@code c = cos[position]} and {@code s = sin[position]}, feature {@code i} of the first half and its partner {@code j = i + D/2}
     * become {@code x_i·c_i − x_j·s_i} and {@code x_j·c_i + x_i·s_i}.
     *
     * @param x {@code [rows, heads × headDim]}
     * @param headDim D, even
     * @param cos {@code [positions, D/2]}
     * @param sin {@code [positions, D/2]}
     * @param rows canvas position of every row
     */
    void rope(Tensor x, int headDim, Tensor cos, Tensor sin, Positions rows);

    /**
     * SwiGLU's gate (arXiv 2002.05202, eq. 6): {@code out = silu(gate) · up} with {@code silu(z) = z / (1 + e^−z)}.
     *
     * @param gate {@code [rows, columns]}
     * @param up {@code [rows, columns]}
     * @param out {@code [rows, columns]}; may be {@code gate} or {@code up}
     */
    void swiGlu(Tensor gate, Tensor up, Tensor out);

    /**
     * An MLP: {@code out = (silu(x·gateᵀ) · (x·upᵀ))·downᵀ}. A backend overrides this where it need not store all that is in between.
     *
     * @param x {@code [rows, in]}
     * @param weights of the MLP
     * @param gate {@code [rows, inner]}, scratch memory; undefined afterwards
     * @param up {@code [rows, inner]}, likewise
     * @param out {@code [rows, out]}; none of the others
     */
    default void mlp(Tensor x, SwiGluMlp weights, Tensor gate, Tensor up, Tensor out) {
        linear(x, weights.inner(), List.of(gate, up));
        swiGlu(gate, up, gate);
        linear(gate, weights.down(), null, out);
    }

    /**
     * Residual connection: {@code x += y}.
     *
     * @param x {@code [rows, columns]}
     * @param y {@code [rows, columns]}
     */
    void add(Tensor x, Tensor y);

    /**
     * Picks rows: {@code out[i] = x[rows.get(i)]}.
     *
     * @param x {@code [n, columns]}
     * @param rows positions in {@code x}
     * @param out {@code [rows.count(), columns]}; not {@code x}
     */
    void gather(Tensor x, Positions rows, Tensor out);

    /**
     * Classifier-free guidance in place: {@code conditional = unconditional + (scale + 1)·(conditional − unconditional)}.
     *
     * @param conditional {@code [rows, vocabulary]} logits; overwritten
     * @param unconditional {@code [rows, vocabulary]} logits
     * @param scale w ≥ 0
     */
    void guide(Tensor conditional, Tensor unconditional, float scale);

    /**
     * The most likely token of every row, and how sure the model is of it. Reduced on the device: only the candidates cross to the host.
     *
     * @param logits {@code [rows, vocabulary]}
     * @param candidates receives them; room for {@code rows}
     */
    void greedy(Tensor logits, GreedyCandidates candidates);

    /**
     * Copies an activation to the host.
     *
     * @param x {@code [rows, columns]}
     * @param destination receives {@code rows × columns} values, row-major
     */
    void download(Tensor x, float[] destination);

    /** {@return the attention operations of this context} */
    AttentionBackend attention();

    /** Frees the activations. */
    @Override
    void close();
}
