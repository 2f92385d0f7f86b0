package dev.sparsed.cuda.internal.kernel;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.SelectionRule;
import dev.sparsed.cuda.internal.driver.CudaStream;
import dev.sparsed.cuda.internal.driver.DeviceBuffer;
import dev.sparsed.cuda.internal.driver.KernelArguments;
import dev.sparsed.cuda.internal.kernel.BlockSelection.BlockSums;
import dev.sparsed.spi.HeadLayout;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/**
 * flash_attention.cu and block_selection.cu: bf16 on tensor cores with the instructions that every GPU since Ampere has ({@code mma.sync},
 * {@code cp.async}).
 */
public final class FlashAttention implements AttentionKernels {

    private static final Set<Integer> HEAD_DIMS = Set.of(64, 128);
    private static final Set<Integer> BLOCK_SIZES = Set.of(32, 64, 128);

    /** Query rows of a thread block of the dense kernels. */
    private static final int ROWS = 128;

    private static final int DENSE_THREADS = 128;

    /**
     * Device memory for the sums of key blocks, as far as whole heads allow: at 65,536 tokens and B = 128, four heads at a time. A launch
     * of one head still has 512 thread blocks.
     */
    private static final long MOST_SUMS_BYTES = 1L << 29;

    private final KernelModules modules;
    private final CudaStream stream;
    private final int headDim;
    private final Launch dense;
    private final Map<Integer, Launch> sparse = new HashMap<>();
    private final Launch selecting;
    private final BlockSelection selection;

    /**
     * For one stream and one head dimension.
     *
     * @param modules the device's kernels
     * @param stream where to run
     * @param headDim D, one that {@link #serves} says yes to
     */
    public FlashAttention(KernelModules modules, CudaStream stream, int headDim) {
        this.modules = modules;
        this.stream = stream;
        this.headDim = headDim;
        dense = launch("flash_dense_d" + headDim);
        selecting = launch("flash_selecting_d" + headDim);
        selection = new BlockSelection(modules, stream);
    }

    private Launch launch(String name) {
        return new Launch(modules, "flash_attention", name, stream);
    }

    /**
     * {@return whether there are kernels for dense attention with heads of this size}
     *
     * @param headDim D
     */
    public static boolean serves(int headDim) {
        return HEAD_DIMS.contains(headDim);
    }

    /**
     * {@return whether there are kernels for block-sparse attention and selection}
     *
     * @param headDim D
     * @param blockSize B
     */
    public static boolean serves(int headDim, int blockSize) {
        return serves(headDim) && BLOCK_SIZES.contains(blockSize);
    }

    @Override
    public void dense(AttentionOperands operands) {
        HeadLayout heads = operands.heads();
        firstArguments(dense, operands)
                .addInt(operands.queries().rows())
                .addInt(operands.keys().rows())
                .addInt(heads.keyValueHeads())
                .addFloat(heads.scale());
        dense.run(Math.ceilDiv(operands.queries().rows(), ROWS), heads.queryHeads(), 1, DENSE_THREADS, denseBytes());
    }

    @Override
    public void sparse(AttentionOperands operands, TileList tiles, KeptLists lists) {
        HeadLayout heads = operands.heads();
        Launch launch = sparse.computeIfAbsent(lists.blockSize(), this::sparseLaunch);
        firstArguments(launch, operands)
                .addInt(lists.canvasLength())
                .addInt(heads.keyValueHeads())
                .addFloat(heads.scale())
                .addPointer(tiles.address())
                .addPointer(lists.kept())
                .addPointer(lists.counts());
        launch.run(tiles.count(), heads.queryHeads(), 1, lists.blockSize(), sparseBytes(lists.blockSize()));
    }

    private Launch sparseLaunch(int blockSize) {
        return launch("flash_sparse_d" + headDim + "_b" + blockSize);
    }

    /** A ring of tiles of keys and values, as the table in flash_attention.cu says. */
    private int sparseBytes(int blockSize) {
        return switch (headDim + "/" + blockSize) {
            case "128/128" -> 65_536;
            case "128/64" -> 49_152;
            case "128/32" -> 24_576;
            case "64/32" -> 16_384;
            default -> 32_768;
        };
    }

    /** Adds the first arguments of every kernel: queries, keys, values and output, each with its row stride, and the log-sum-exp. */
    private static KernelArguments firstArguments(Launch launch, AttentionOperands operands) {
        return launch.arguments()
                .addPointer(operands.queries().address())
                .addInt(operands.queries().columns())
                .addPointer(operands.keys().address())
                .addInt(operands.keys().columns())
                .addPointer(operands.values().address())
                .addInt(operands.values().columns())
                .addPointer(operands.out().address())
                .addInt(operands.out().columns())
                .addPointer(operands.logSumExpAddress());
    }

    @Override
    public void denseAndSelect(AttentionOperands operands, SelectionRule rule, long words) {
        HeadLayout heads = operands.heads();
        BlockLayout layout = rule.layout();
        int rowTiles = Math.ceilDiv(layout.canvasLength(), ROWS);
        int stride = rowTiles * ROWS;
        long headBytes = (long) layout.blocks() * stride * Float.BYTES;
        int headsAtATime = Math.clamp(MOST_SUMS_BYTES / headBytes, 1, heads.queryHeads());
        try (DeviceBuffer sums =
                modules.device().memory().borrow(headsAtATime * headBytes, "the sums of key blocks", stream)) {
            for (int head = 0; head < heads.queryHeads(); head += headsAtATime) {
                int count = Math.min(headsAtATime, heads.queryHeads() - head);
                firstArguments(selecting, operands)
                        .addInt(layout.canvasLength())
                        .addInt(heads.queryHeads())
                        .addInt(head)
                        .addInt(heads.keyValueHeads())
                        .addFloat(heads.scale())
                        .addPointer(sums.address())
                        .addInt(Integer.numberOfTrailingZeros(layout.blockSize()));
                selecting.run(rowTiles, count, 1, DENSE_THREADS, denseBytes());
                selection.run(new BlockSums(sums.address(), stride, head, count), operands, rule, words);
            }
        }
    }

    /** A ring of two tiles of 64 keys and values. */
    private int denseBytes() {
        return ROWS * headDim * 2 * Short.BYTES;
    }

    @Override
    public void close() {
        dense.close();
        sparse.values().forEach(Launch::close);
        selecting.close();
        selection.close();
    }
}
