package dev.sparsed.cuda.internal.kernel;

import static dev.sparsed.cuda.internal.driver.KernelArguments.Type.FLOAT;
import static dev.sparsed.cuda.internal.driver.KernelArguments.Type.INT;
import static dev.sparsed.cuda.internal.driver.KernelArguments.Type.POINTER;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.SelectionRule;
import dev.sparsed.cuda.internal.driver.CudaStream;
import dev.sparsed.cuda.internal.driver.DeviceBuffer;
import dev.sparsed.cuda.internal.driver.KernelArguments.Type;
import dev.sparsed.cuda.internal.kernel.BlockSelection.BlockSums;
import dev.sparsed.spi.HeadLayout;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

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
        dense = launch("flash_dense_d" + headDim, POINTER, INT, INT, INT, FLOAT);
        selecting = launch("flash_selecting_d" + headDim, POINTER, INT, INT, INT, INT, FLOAT, POINTER, INT);
        selection = new BlockSelection(modules, stream);
    }

    /** A kernel whose first arguments are queries, keys, values and output, each with its row stride. */
    private Launch launch(String name, Type... others) {
        Type[] matrices = {POINTER, INT, POINTER, INT, POINTER, INT, POINTER, INT};
        Type[] all = Stream.of(matrices, others).flatMap(Stream::of).toArray(Type[]::new);
        return new Launch(modules, "flash_attention", name, stream, all);
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
    public void dense(
            DeviceTensor queries,
            DeviceTensor keys,
            DeviceTensor values,
            HeadLayout heads,
            DeviceTensor out,
            @Nullable DeviceTensor logSumExp) {
        matrices(dense, queries, keys, values, out);
        dense.arguments()
                .setPointer(8, DeviceTensor.address(logSumExp))
                .setInt(9, queries.rows())
                .setInt(10, keys.rows())
                .setInt(11, heads.keyValueHeads())
                .setFloat(12, heads.scale());
        dense.run(Math.ceilDiv(queries.rows(), ROWS), heads.queryHeads(), 1, DENSE_THREADS, denseBytes());
    }

    @Override
    public void sparse(
            DeviceTensor queries,
            TileList tiles,
            DeviceTensor keys,
            DeviceTensor values,
            HeadLayout heads,
            KeptLists lists,
            DeviceTensor out,
            @Nullable DeviceTensor logSumExp) {
        Launch launch = sparse.computeIfAbsent(lists.blockSize(), this::sparseLaunch);
        matrices(launch, queries, keys, values, out);
        launch.arguments()
                .setPointer(8, DeviceTensor.address(logSumExp))
                .setInt(9, lists.canvasLength())
                .setInt(10, heads.keyValueHeads())
                .setFloat(11, heads.scale())
                .setPointer(12, tiles.address())
                .setPointer(13, lists.kept())
                .setPointer(14, lists.counts());
        launch.run(tiles.count(), heads.queryHeads(), 1, lists.blockSize(), sparseBytes(lists.blockSize()));
    }

    private Launch sparseLaunch(int blockSize) {
        return launch(
                "flash_sparse_d" + headDim + "_b" + blockSize, POINTER, INT, INT, FLOAT, POINTER, POINTER, POINTER);
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

    private static void matrices(
            Launch launch, DeviceTensor queries, DeviceTensor keys, DeviceTensor values, DeviceTensor out) {
        launch.arguments()
                .setPointer(0, queries.address())
                .setInt(1, queries.columns())
                .setPointer(2, keys.address())
                .setInt(3, keys.columns())
                .setPointer(4, values.address())
                .setInt(5, values.columns())
                .setPointer(6, out.address())
                .setInt(7, out.columns());
    }

    @Override
    public void denseAndSelect(
            DeviceTensor queries,
            DeviceTensor keys,
            DeviceTensor values,
            HeadLayout heads,
            DeviceTensor out,
            DeviceTensor logSumExp,
            SelectionRule rule,
            long words) {
        BlockLayout layout = rule.layout();
        int rowTiles = Math.ceilDiv(layout.canvasLength(), ROWS);
        int stride = rowTiles * ROWS;
        long headBytes = (long) layout.blocks() * stride * Float.BYTES;
        int headsAtATime = Math.clamp(MOST_SUMS_BYTES / headBytes, 1, heads.queryHeads());
        matrices(selecting, queries, keys, values, out);
        selecting
                .arguments()
                .setPointer(8, logSumExp.address())
                .setInt(9, layout.canvasLength())
                .setInt(10, heads.queryHeads())
                .setInt(12, heads.keyValueHeads())
                .setFloat(13, heads.scale())
                .setInt(15, Integer.numberOfTrailingZeros(layout.blockSize()));
        try (DeviceBuffer sums =
                modules.device().memory().borrow(headsAtATime * headBytes, "the sums of key blocks", stream)) {
            for (int head = 0; head < heads.queryHeads(); head += headsAtATime) {
                int count = Math.min(headsAtATime, heads.queryHeads() - head);
                selecting.arguments().setInt(11, head).setPointer(14, sums.address());
                selecting.run(rowTiles, count, 1, DENSE_THREADS, denseBytes());
                selection.run(new BlockSums(sums.address(), stride, head, count), logSumExp, rule, words);
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
