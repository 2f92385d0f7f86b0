package dev.sparsed.cuda.internal.kernel;

import static dev.sparsed.cuda.internal.driver.KernelArguments.Type.FLOAT;
import static dev.sparsed.cuda.internal.driver.KernelArguments.Type.INT;
import static dev.sparsed.cuda.internal.driver.KernelArguments.Type.POINTER;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.RatioRule;
import dev.sparsed.cuda.internal.driver.CudaStream;
import dev.sparsed.spi.HeadLayout;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * flash_attention.cu and block_selection.cu: bf16 on tensor cores with the instructions that every GPU since Ampere has ({@code mma.sync},
 * {@code cp.async}).
 */
public final class FlashAttention implements AttentionKernels {

    private static final String ATTENTION = "flash_attention";
    private static final Set<Integer> HEAD_DIMS = Set.of(64, 128);
    private static final Set<Integer> BLOCK_SIZES = Set.of(32, 64, 128);

    /** Query rows of a thread block of the dense kernels and of the selection. */
    private static final int ROWS = 128;

    private static final int DENSE_THREADS = 128;
    private static final int SELECT_THREADS = 128;

    private final KernelModules modules;
    private final CudaStream stream;
    private final int headDim;
    private final Launch dense;
    private final Map<Integer, Launch> sparse = new HashMap<>();
    private final Map<Integer, Launch> select = new HashMap<>();

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
        dense = new Launch(
                modules,
                ATTENTION,
                "flash_dense_d" + headDim,
                stream,
                POINTER,
                INT,
                POINTER,
                INT,
                POINTER,
                INT,
                POINTER,
                INT,
                POINTER,
                INT,
                INT,
                INT,
                FLOAT);
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
                .setPointer(8, logSumExp == null ? 0 : logSumExp.address())
                .setInt(9, queries.rows())
                .setInt(10, keys.rows())
                .setInt(11, heads.keyValueHeads())
                .setFloat(12, heads.scale());
        dense.run(
                Math.ceilDiv(queries.rows(), ROWS),
                heads.queryHeads(),
                1,
                DENSE_THREADS,
                ROWS * headDim * 2 * Short.BYTES);
    }

    @Override
    public void sparse(
            DeviceTensor queries,
            TileList tiles,
            DeviceTensor keys,
            DeviceTensor values,
            HeadLayout heads,
            KeptLists lists,
            DeviceTensor out) {
        Launch launch = sparse.computeIfAbsent(lists.blockSize(), this::sparseLaunch);
        matrices(launch, queries, keys, values, out);
        launch.arguments()
                .setPointer(8, 0)
                .setInt(9, lists.canvasLength())
                .setInt(10, heads.keyValueHeads())
                .setFloat(11, heads.scale())
                .setPointer(12, tiles.address())
                .setPointer(13, lists.kept())
                .setPointer(14, lists.counts());
        launch.run(tiles.count(), heads.queryHeads(), 1, lists.blockSize(), sparseBytes(lists.blockSize()));
    }

    private Launch sparseLaunch(int blockSize) {
        return new Launch(
                modules,
                ATTENTION,
                "flash_sparse_d" + headDim + "_b" + blockSize,
                stream,
                POINTER,
                INT,
                POINTER,
                INT,
                POINTER,
                INT,
                POINTER,
                INT,
                POINTER,
                INT,
                INT,
                FLOAT,
                POINTER,
                POINTER,
                POINTER);
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
            RatioRule rule,
            long words) {
        dense(queries, keys, values, heads, out, logSumExp);
        BlockLayout layout = rule.layout();
        Launch launch = select.computeIfAbsent(layout.blockSize(), this::selectLaunch);
        launch.arguments()
                .setPointer(0, queries.address())
                .setInt(1, queries.columns())
                .setPointer(2, keys.address())
                .setInt(3, keys.columns())
                .setPointer(4, logSumExp.address())
                .setInt(5, layout.canvasLength())
                .setInt(6, heads.keyValueHeads())
                .setFloat(7, heads.scale())
                .setInt(8, layout.firstGenerationBlock())
                .setInt(9, rule.promptBudget())
                .setInt(10, rule.generationBudget())
                .setPointer(11, words);
        int sharedBytes = 384 * headDim + 16 * (layout.blocks() + layout.generationBlocks());
        if (sharedBytes > modules.device().sharedMemoryPerBlock()) {
            throw new IllegalArgumentException("blockSize = " + layout.blockSize() + ": a canvas of "
                    + layout.canvasLength() + " has " + layout.blocks()
                    + " blocks, more than this GPU can select from; "
                    + "take larger blocks");
        }
        launch.run(Math.ceilDiv(layout.canvasLength(), ROWS), heads.queryHeads(), 1, SELECT_THREADS, sharedBytes);
    }

    private Launch selectLaunch(int blockSize) {
        return new Launch(
                modules,
                "block_selection",
                "select_d" + headDim + "_b" + blockSize,
                stream,
                POINTER,
                INT,
                POINTER,
                INT,
                POINTER,
                INT,
                INT,
                FLOAT,
                INT,
                INT,
                INT,
                POINTER);
    }

    @Override
    public void close() {
        dense.close();
        sparse.values().forEach(Launch::close);
        select.values().forEach(Launch::close);
    }
}
