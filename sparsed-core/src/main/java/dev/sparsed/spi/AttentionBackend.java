package dev.sparsed.spi;

import dev.sparsed.attention.BlockPattern;
import dev.sparsed.attention.SelectionRule;
import org.jspecify.annotations.Nullable;

/**
 * Attention in its three forms: dense, block-sparse, and in between the dense attention that selects the blocks. All three are bidirectional
 * (no causal mask), scale scores by 1/√headDim, and need no memory quadratic in the canvas.
 *
 * <p>Shapes: queries {@code [R, queryHeads × headDim]} after RoPE, keys and values {@code [N, keyValueHeads × headDim]}, keys after
 * RoPE. R is the number of forwarded rows, N the canvas length; R &lt; N when only some rows are needed.
 */
public interface AttentionBackend {

    /**
     * Every query attends to every key: {@code out = softmax(Q·Kᵀ/√D)·V} per head.
     *
     * @param queries {@code [R, queryHeads × headDim]}
     * @param keys {@code [N, keyValueHeads × headDim]}
     * @param values {@code [N, keyValueHeads × headDim]}
     * @param heads how the columns split into heads
     * @param out {@code [R, queryHeads × headDim]}, overwritten; not one of the inputs
     * @param logSumExp {@code [R, queryHeads]}, overwritten with ln Σ exp(score) of every row and head, or null if not wanted
     */
    void dense(Tensor queries, Tensor keys, Tensor values, HeadLayout heads, Tensor out, @Nullable Tensor logSumExp);

    /**
     * Every query attends to the keys of its block's kept key blocks only (SparseD, arXiv 2509.24014, §3.2). With the log-sum-exp of
     * {@link #dense} for the same queries and keys, exp(kept − dense) is the share of a row's attention that the pattern keeps.
     *
     * @param queries {@code [R, queryHeads × headDim]}
     * @param rows canvas position of each query row; decides which query block it belongs to
     * @param keys {@code [N, keyValueHeads × headDim]}, N the pattern's canvas length
     * @param values {@code [N, keyValueHeads × headDim]}
     * @param heads how the columns split into heads
     * @param pattern the kept key blocks of every query head and query block
     * @param out {@code [R, queryHeads × headDim]}, overwritten; not one of the inputs
     * @param logSumExp {@code [R, queryHeads]}, overwritten with ln Σ exp(score) over the kept keys, or null if not wanted
     */
    void blockSparse(
            Tensor queries,
            Positions rows,
            Tensor keys,
            Tensor values,
            HeadLayout heads,
            BlockPattern pattern,
            Tensor out,
            @Nullable Tensor logSumExp);

    /**
     * {@link #blockSparse(Tensor, Positions, Tensor, Tensor, HeadLayout, BlockPattern, Tensor, Tensor)} whose log-sum-exp is not wanted.
     *
     * @param queries {@code [R, queryHeads × headDim]}
     * @param rows canvas position of each query row
     * @param keys {@code [N, keyValueHeads × headDim]}
     * @param values {@code [N, keyValueHeads × headDim]}
     * @param heads how the columns split into heads
     * @param pattern the kept key blocks
     * @param out {@code [R, queryHeads × headDim]}, overwritten; not one of the inputs
     */
    default void blockSparse(
            Tensor queries,
            Positions rows,
            Tensor keys,
            Tensor values,
            HeadLayout heads,
            BlockPattern pattern,
            Tensor out) {
        blockSparse(queries, rows, keys, values, heads, pattern, out, null);
    }

    /**
     * {@link #dense} that also selects the key blocks to keep, per query head and query block (SparseD, arXiv 2509.24014, §3.1: isolated
     * selection).
     *
     * @param queries {@code [N, queryHeads × headDim]}: all rows of the canvas
     * @param keys {@code [N, keyValueHeads × headDim]}
     * @param values {@code [N, keyValueHeads × headDim]}
     * @param heads how the columns split into heads
     * @param out {@code [N, queryHeads × headDim]}, overwritten; not one of the inputs
     * @param logSumExp {@code [N, queryHeads]}, overwritten with ln Σ exp(score) of every row and head
     * @param rule block layout and how many blocks to keep
     * @return the pattern
     * @throws UnsupportedOperationException if this backend has no kernel for the rule
     */
    BlockPattern denseAndSelect(
            Tensor queries,
            Tensor keys,
            Tensor values,
            HeadLayout heads,
            Tensor out,
            Tensor logSumExp,
            SelectionRule rule);
}
