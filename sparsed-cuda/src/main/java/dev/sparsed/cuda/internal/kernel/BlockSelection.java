package dev.sparsed.cuda.internal.kernel;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.SelectionRule;
import dev.sparsed.cuda.internal.driver.CudaStream;
import dev.sparsed.cuda.internal.driver.KernelArguments;
import java.util.HashMap;
import java.util.Map;

/** block_selection.cu: chooses the blocks to keep from the sums over blocks of keys that dense attention leaves. */
final class BlockSelection implements AutoCloseable {

    private static final int THREADS = 128;

    private final KernelModules modules;
    private final CudaStream stream;
    private final Map<Integer, Launch> launches = new HashMap<>();

    /**
     * For one stream.
     *
     * @param modules the device's kernels
     * @param stream where to run
     */
    BlockSelection(KernelModules modules, CudaStream stream) {
        this.modules = modules;
        this.stream = stream;
    }

    private Launch launch(int blockSize) {
        return launches.computeIfAbsent(
                blockSize, size -> new Launch(modules, "block_selection", "select_blocks_b" + size, stream));
    }

    /**
     * The sums over the keys of each block, of some heads, on the device.
     *
     * @param address of {@code [headCount, blocks, stride]} floats: log₂ Σ exp(score) of every row
     * @param stride rows from one block to the next, at least blocks × B, a multiple of 4
     * @param firstHead the first query head
     * @param headCount how many
     */
    record BlockSums(long address, int stride, int firstHead, int headCount) {}

    /**
     * {@return bytes of dynamic shared memory}
     *
     * @param layout the canvas and its blocks
     * @throws IllegalArgumentException if the GPU has less
     */
    private int sharedBytes(BlockLayout layout) {
        long bytes = Float.BYTES
                * (2L * layout.blockSize()
                        + 2L * THREADS
                        + layout.blocks()
                        + layout.generationBlocks()
                        + 4L * Math.ceilDiv(layout.blocks(), Long.SIZE));
        if (bytes > modules.device().sharedMemoryPerBlock()) {
            throw new IllegalArgumentException("blockSize = " + layout.blockSize() + ": a canvas of "
                    + layout.canvasLength() + " has " + layout.blocks()
                    + " blocks, more than this GPU can select from; take larger blocks");
        }
        return (int) bytes;
    }

    /**
     * Selects for some heads.
     *
     * @param sums the sums of their blocks
     * @param operands of the dense attention
     * @param rule block layout, B = 32, 64 or 128, and budgets
     * @param words device address of {@code [queryHeads, blocks, ⌈blocks/64⌉]} 64-bit words; those of the heads are overwritten
     */
    void run(BlockSums sums, AttentionOperands operands, SelectionRule rule, long words) {
        BlockLayout layout = rule.layout();
        int sharedBytes = sharedBytes(layout);
        Launch launch = launch(layout.blockSize());
        KernelArguments arguments = launch.arguments()
                .addPointer(sums.address())
                .addInt(sums.stride())
                .addPointer(operands.logSumExpAddress())
                .addInt(layout.canvasLength())
                .addInt(operands.heads().queryHeads())
                .addInt(sums.firstHead())
                .addInt(layout.firstGenerationBlock())
                .addPointer(words);
        BudgetArguments.add(arguments, rule);
        launch.run(layout.blocks(), sums.headCount(), 1, THREADS, sharedBytes);
    }

    @Override
    public void close() {
        launches.values().forEach(Launch::close);
    }
}
