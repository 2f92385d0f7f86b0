package dev.sparsed.cuda.internal.kernel;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.SelectionRule;
import dev.sparsed.cuda.internal.driver.CudaStream;
import dev.sparsed.cuda.internal.driver.KernelArguments;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.HeadLayout;

/**
 * simt_attention.cu and simt_selection.cu: float32 arithmetic without tensor cores, for float32 models, and for head and block sizes that the
 * fast kernels lack.
 */
public final class SimtAttention implements AttentionKernels {

    /** The largest head dimension there are kernels for. */
    public static final int MOST_FEATURES = 256;

    private static final int[] VARIANTS = {64, 128, MOST_FEATURES};
    private static final int THREADS = 128;

    /** Query rows of a thread block, and keys at a time. */
    private static final int TILE = 32;

    private final KernelModules modules;
    private final Launch dense;
    private final Launch sparse;
    private final Launch select;

    /**
     * For one stream and one head dimension.
     *
     * @param modules the device's kernels
     * @param stream where to run
     * @param dtype type of the activations
     * @param headDim D, 1 … {@link #MOST_FEATURES}
     */
    public SimtAttention(KernelModules modules, CudaStream stream, DType dtype, int headDim) {
        this.modules = modules;
        String type = Launch.suffix(dtype);
        String variant = type + "_d" + variant(headDim);
        dense = new Launch(modules, "simt_attention", "simt_dense_" + variant, stream);
        sparse = new Launch(modules, "simt_attention", "simt_sparse_" + variant, stream);
        select = new Launch(modules, "simt_selection", "simt_select_" + type, stream);
    }

    private static int variant(int headDim) {
        for (int features : VARIANTS) {
            if (headDim <= features) {
                return features;
            }
        }
        throw new IllegalArgumentException(
                "head dimension " + headDim + ": the CUDA kernels go up to " + MOST_FEATURES);
    }

    @Override
    public void dense(AttentionOperands operands) {
        HeadLayout heads = operands.heads();
        dense.arguments()
                .addPointer(operands.queries().address())
                .addPointer(operands.keys().address())
                .addPointer(operands.values().address())
                .addPointer(operands.out().address())
                .addPointer(operands.logSumExpAddress())
                .addInt(operands.queries().rows())
                .addInt(operands.keys().rows())
                .addInt(heads.queryHeads())
                .addInt(heads.group())
                .addInt(heads.headDim())
                .addFloat(heads.scale());
        dense.run(
                Math.ceilDiv(operands.queries().rows(), TILE),
                1,
                heads.queryHeads(),
                THREADS,
                attentionBytes(heads.headDim()));
    }

    @Override
    public void sparse(AttentionOperands operands, TileList tiles, KeptLists lists) {
        HeadLayout heads = operands.heads();
        sparse.arguments()
                .addPointer(operands.queries().address())
                .addPointer(operands.keys().address())
                .addPointer(operands.values().address())
                .addPointer(operands.out().address())
                .addPointer(operands.logSumExpAddress())
                .addPointer(tiles.address())
                .addPointer(lists.kept())
                .addPointer(lists.counts())
                .addInt(lists.canvasLength())
                .addInt(lists.blockSize())
                .addInt(heads.queryHeads())
                .addInt(heads.group())
                .addInt(heads.headDim())
                .addFloat(heads.scale());
        int parts = Math.ceilDiv(Math.min(lists.blockSize(), operands.queries().rows()), TILE);
        sparse.run(tiles.count(), parts, heads.queryHeads(), THREADS, attentionBytes(heads.headDim()));
    }

    @Override
    public void denseAndSelect(AttentionOperands operands, SelectionRule rule, long words) {
        HeadLayout heads = operands.heads();
        dense(operands);
        BlockLayout layout = rule.layout();
        int sharedBytes = selectionBytes(heads.headDim(), layout.blocks());
        if (sharedBytes > modules.device().sharedMemoryPerBlock()) {
            throw new IllegalArgumentException("blockSize = " + layout.blockSize() + ": a canvas of "
                    + layout.canvasLength() + " has " + layout.blocks()
                    + " blocks, more than this GPU can select from; "
                    + "take larger blocks, such as 32, 64 or 128");
        }
        KernelArguments arguments = select.arguments()
                .addPointer(operands.queries().address())
                .addPointer(operands.keys().address())
                .addPointer(operands.logSumExpAddress())
                .addPointer(words)
                .addInt(layout.canvasLength())
                .addInt(layout.blockSize())
                .addInt(layout.firstGenerationBlock())
                .addInt(heads.queryHeads())
                .addInt(heads.group())
                .addInt(heads.headDim())
                .addFloat(heads.scale());
        BudgetArguments.add(arguments, rule);
        select.run(layout.blocks(), heads.queryHeads(), 1, THREADS, sharedBytes);
    }

    /** Tiles of queries, keys (padded by a float per row) and values. */
    private static int attentionBytes(int headDim) {
        return TILE * (3 * headDim + 1) * Float.BYTES;
    }

    /** Tiles of queries and keys, two importances per block, the warps' sums. */
    private static int selectionBytes(int headDim, int blocks) {
        return (TILE * (2 * headDim + 1) + 2 * blocks + 2 * THREADS / 32) * Float.BYTES;
    }

    @Override
    public void close() {
        dense.close();
        sparse.close();
        select.close();
    }
}
