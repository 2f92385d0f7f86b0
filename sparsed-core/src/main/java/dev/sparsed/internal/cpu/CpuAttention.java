package dev.sparsed.internal.cpu;

import dev.sparsed.attention.BlockPattern;
import dev.sparsed.attention.SelectionRule;
import dev.sparsed.spi.HeadLayout;
import dev.sparsed.spi.Positions;
import org.jspecify.annotations.Nullable;

/** {@link dev.sparsed.spi.AttentionBackend} on the CPU: part of a request's {@link CpuKernels}, under the same conditions. */
public interface CpuAttention {

    /**
     * Dense attention.
     *
     * @param q {@code [R, queryHeads × headDim]}
     * @param k {@code [N, keyValueHeads × headDim]}
     * @param v {@code [N, keyValueHeads × headDim]}
     * @param heads head layout
     * @param out {@code [R, queryHeads × headDim]}
     * @param logSumExp {@code [R, queryHeads]} or null
     */
    void dense(Matrix q, Matrix k, Matrix v, HeadLayout heads, Matrix out, @Nullable Matrix logSumExp);

    /**
     * Block-sparse attention.
     *
     * @param q {@code [R, queryHeads × headDim]}
     * @param rows canvas position of every query row
     * @param k {@code [N, keyValueHeads × headDim]}
     * @param v {@code [N, keyValueHeads × headDim]}
     * @param heads head layout
     * @param pattern kept blocks
     * @param out {@code [R, queryHeads × headDim]}
     * @param logSumExp {@code [R, queryHeads]}, over the kept keys, or null
     */
    void blockSparse(
            Matrix q,
            Positions rows,
            Matrix k,
            Matrix v,
            HeadLayout heads,
            BlockPattern pattern,
            Matrix out,
            @Nullable Matrix logSumExp);

    /**
     * Dense attention and block selection.
     *
     * @param q {@code [N, queryHeads × headDim]}
     * @param k {@code [N, keyValueHeads × headDim]}
     * @param v {@code [N, keyValueHeads × headDim]}
     * @param heads head layout
     * @param out {@code [N, queryHeads × headDim]}
     * @param logSumExp {@code [N, queryHeads]}
     * @param rule what to keep
     * @return the pattern
     */
    BlockPattern denseAndSelect(
            Matrix q, Matrix k, Matrix v, HeadLayout heads, Matrix out, Matrix logSumExp, SelectionRule rule);
}
