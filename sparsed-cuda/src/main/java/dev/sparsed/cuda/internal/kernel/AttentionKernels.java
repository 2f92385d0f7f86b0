package dev.sparsed.cuda.internal.kernel;

import dev.sparsed.attention.SelectionRule;
import dev.sparsed.spi.HeadLayout;
import org.jspecify.annotations.Nullable;

/**
 * A family of attention kernels on one stream. Shapes as in {@link dev.sparsed.spi.AttentionBackend}; queries, keys, values and out are of
 * the context's type, log-sum-exps F32.
 */
public interface AttentionKernels extends AutoCloseable {

    /**
     * Dense attention.
     *
     * @param queries {@code [R, queryHeads × headDim]}, R ≥ 1
     * @param keys {@code [N, keyValueHeads × headDim]}
     * @param values {@code [N, keyValueHeads × headDim]}
     * @param heads how the columns split
     * @param out {@code [R, queryHeads × headDim]}
     * @param logSumExp {@code [R, queryHeads]} or null
     */
    void dense(
            DeviceTensor queries,
            DeviceTensor keys,
            DeviceTensor values,
            HeadLayout heads,
            DeviceTensor out,
            @Nullable DeviceTensor logSumExp);

    /**
     * Attention to the kept blocks.
     *
     * @param queries {@code [R, queryHeads × headDim]}, R ≥ 1
     * @param tiles which rows belong to which query block
     * @param keys {@code [N, keyValueHeads × headDim]}
     * @param values {@code [N, keyValueHeads × headDim]}
     * @param heads how the columns split
     * @param lists what is kept
     * @param out {@code [R, queryHeads × headDim]}
     * @param logSumExp {@code [R, queryHeads]}, over the kept keys, or null
     */
    void sparse(
            DeviceTensor queries,
            TileList tiles,
            DeviceTensor keys,
            DeviceTensor values,
            HeadLayout heads,
            KeptLists lists,
            DeviceTensor out,
            @Nullable DeviceTensor logSumExp);

    /**
     * Dense attention that selects the key blocks to keep.
     *
     * @param queries {@code [N, queryHeads × headDim]}
     * @param keys {@code [N, keyValueHeads × headDim]}
     * @param values {@code [N, keyValueHeads × headDim]}
     * @param heads how the columns split
     * @param out {@code [N, queryHeads × headDim]}
     * @param logSumExp {@code [N, queryHeads]}
     * @param rule block layout and budgets
     * @param words device address of {@code [queryHeads, blocks, ⌈blocks/64⌉]} 64-bit words, as
     *     {@link dev.sparsed.attention.BlockPattern#words} has them; overwritten
     */
    void denseAndSelect(
            DeviceTensor queries,
            DeviceTensor keys,
            DeviceTensor values,
            HeadLayout heads,
            DeviceTensor out,
            DeviceTensor logSumExp,
            SelectionRule rule,
            long words);

    /**
     * Query rows by query block, on the device.
     *
     * @param address of {@code count} times four ints: first row, rows, query block, 0; at most a block's rows per tile
     * @param count how many
     */
    record TileList(long address, int count) {}

    /**
     * A pattern's kept blocks, on the device.
     *
     * @param kept address of {@code [queryHeads, blocks, blocks]} 16-bit indices, of each query block ascending from the first on
     * @param counts address of {@code [queryHeads, blocks]} ints: how many are kept
     * @param canvasLength N
     * @param blockSize B
     */
    record KeptLists(long kept, long counts, int canvasLength, int blockSize) {}

    @Override
    void close();
}
