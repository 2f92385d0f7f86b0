package dev.sparsed.cuda.internal.kernel;

import dev.sparsed.attention.SelectionRule;

/** A family of attention kernels on one stream. */
public interface AttentionKernels extends AutoCloseable {

    /**
     * Dense attention.
     *
     * @param operands what it reads and writes
     */
    void dense(AttentionOperands operands);

    /**
     * Attention to the kept blocks.
     *
     * @param operands what it reads and writes; N rows of keys and values, the canvas
     * @param tiles which rows of queries belong to which query block
     * @param lists what is kept
     */
    void sparse(AttentionOperands operands, TileList tiles, KeptLists lists);

    /**
     * Dense attention that selects the key blocks to keep.
     *
     * @param operands what it reads and writes, with a log-sum-exp; queries, keys and values are N rows, the canvas
     * @param rule block layout and budgets
     * @param words device address of {@code [queryHeads, blocks, ⌈blocks/64⌉]} 64-bit words, as
     *     {@link dev.sparsed.attention.BlockPattern#words} has them; overwritten
     */
    void denseAndSelect(AttentionOperands operands, SelectionRule rule, long words);

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
