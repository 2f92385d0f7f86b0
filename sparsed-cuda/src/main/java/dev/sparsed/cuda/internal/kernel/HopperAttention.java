package dev.sparsed.cuda.internal.kernel;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.RatioRule;
import dev.sparsed.attention.SelectionRule;
import dev.sparsed.cuda.internal.driver.CudaStream;
import dev.sparsed.cuda.internal.driver.DeviceBuffer;
import dev.sparsed.cuda.internal.driver.KernelArguments;
import dev.sparsed.cuda.internal.driver.TensorMap;
import dev.sparsed.spi.HeadLayout;
import java.util.HashMap;
import java.util.Map;

/**
 * hopper_attention.cu, hopper_gather.cu and hopper_dense_select.cu: bf16 with the instructions of compute capability 9.0 alone ({@code wgmma},
 * tensor maps), as persistent kernels of one thread block per multiprocessor.
 */
public final class HopperAttention implements AttentionKernels {

    /** The only compute capability whose code the kernels are. */
    public static final int COMPUTE_CAPABILITY = 90;

    private static final int MOST_BLOCKS = 2048;
    private static final int CHUNK_COLUMNS = 64;
    /** Query rows and keys of a tile of the selecting kernels. */
    private static final int SELECT_TILE = 128;

    /**
     * What a kernel's header comment says.
     *
     * @param file its file
     * @param name its name
     * @param threads threads of a block
     * @param sharedBytes dynamic shared memory
     * @param perBlock query rows (dense) or query tiles (sparse) of a thread block
     * @param queryBox rows of a box of queries
     * @param keyBox rows of a box of keys or values
     */
    private record Variant(
            String file, String name, int threads, int sharedBytes, int perBlock, int queryBox, int keyBox) {}

    private static final Map<Integer, Variant> DENSE = Map.of(
            128, new Variant("hopper_attention", "hopper_dense_d128", 512, 214_184, 192, 64, 80),
            64, new Variant("hopper_attention", "hopper_dense_d64", 512, 124_040, 192, 64, 128));

    /** For few query rows: 5 % slower, but with smaller steps from one full wave of thread blocks to the next. */
    private static final Variant DENSE_128_FEW_ROWS =
            new Variant("hopper_attention", "hopper_dense_d128_rows128", 384, 197_736, 128, 64, 160);

    private static final Map<String, Variant> SPARSE = Map.of(
            "128/128", new Variant("hopper_attention", "hopper_sparse_d128_b128", 384, 164_968, 1, 64, 128),
            "128/64", new Variant("hopper_gather", "hopper_sparse_d128_b64", 384, 182_512, 2, 64, 64),
            "128/32", new Variant("hopper_gather", "hopper_sparse_d128_b32", 384, 183_088, 4, 32, 32),
            "64/128", new Variant("hopper_attention", "hopper_sparse_d64_b128", 384, 148_648, 1, 64, 128),
            "64/64", new Variant("hopper_gather", "hopper_sparse_d64_b64", 384, 166_200, 2, 64, 64),
            "64/32", new Variant("hopper_gather", "hopper_sparse_d64_b32", 384, 166_776, 4, 32, 32));

    private static final Map<String, Variant> SELECT = Map.of(
            "128/128", select("hopper_dense_select_d128_b128", 182_408),
            "128/64", select("hopper_dense_select_d128_b64", 198_792),
            "128/32", select("hopper_dense_select_d128_b32", 231_560),
            "64/128", select("hopper_dense_select_d64_b128", 166_088),
            "64/64", select("hopper_dense_select_d64_b64", 182_472),
            "64/32", select("hopper_dense_select_d64_b32", 215_240));

    private static Variant select(String name, int sharedBytes) {
        return new Variant("hopper_dense_select", name, 384, sharedBytes, SELECT_TILE, 64, SELECT_TILE);
    }

    private final KernelModules modules;
    private final CudaStream stream;
    private final int headDim;
    private final int multiprocessors;
    private final DeviceBuffer counter;
    private final Map<String, Launch> launches = new HashMap<>();
    private final Map<MapKey, TensorMap> tensorMaps = new HashMap<>();

    private record MapKey(long address, int rows, int columns, int boxRows) {}

    /**
     * For one stream and one head dimension.
     *
     * @param modules the device's kernels
     * @param stream where to run
     * @param headDim D, 64 or 128
     */
    public HopperAttention(KernelModules modules, CudaStream stream, int headDim) {
        this.modules = modules;
        this.stream = stream;
        this.headDim = headDim;
        this.multiprocessors = modules.device().multiprocessors();
        this.counter = modules.device().memory().borrow(Integer.BYTES, "a tile counter", stream);
        stream.fillWords(counter.address(), 0, 1); // every launch leaves it zero
    }

    /**
     * {@return whether there are kernels for dense attention with heads of this size}
     *
     * @param headDim D
     */
    public static boolean serves(int headDim) {
        return DENSE.containsKey(headDim);
    }

    /**
     * {@return whether there are kernels for block-sparse attention and selection}
     *
     * @param headDim D
     * @param blockSize B
     */
    public static boolean serves(int headDim, int blockSize) {
        return SPARSE.containsKey(headDim + "/" + blockSize);
    }

    /**
     * {@return whether a canvas has no more blocks than the kernels have room for}
     *
     * @param blocks n
     */
    public static boolean hasRoomFor(int blocks) {
        return blocks <= MOST_BLOCKS;
    }

    @Override
    public void dense(AttentionOperands operands) {
        HeadLayout heads = operands.heads();
        Variant variant = denseVariant(operands.queries().rows(), heads.queryHeads());
        Launch launch = launch(variant);
        firstArguments(launch, variant, operands).addPointer(counter.address());
        run(launch, variant, Math.ceilDiv(operands.queries().rows(), variant.perBlock), heads);
    }

    private Variant denseVariant(int rows, int queryHeads) {
        Variant variant = DENSE.get(headDim);
        boolean fewRows = headDim == 128
                && 1.05 * rowsOfAllWaves(DENSE_128_FEW_ROWS, rows, queryHeads)
                        < rowsOfAllWaves(variant, rows, queryHeads);
        return fewRows ? DENSE_128_FEW_ROWS : variant;
    }

    /** What the busiest multiprocessor computes, in query rows: the time goes by this. */
    private long rowsOfAllWaves(Variant variant, int rows, int queryHeads) {
        long blocks = (long) Math.ceilDiv(rows, variant.perBlock) * queryHeads;
        return Math.ceilDiv(blocks, multiprocessors) * variant.perBlock;
    }

    @Override
    public void sparse(AttentionOperands operands, TileList tiles, KeptLists lists) {
        HeadLayout heads = operands.heads();
        Variant variant = SPARSE.get(headDim + "/" + lists.blockSize());
        Launch launch = launch(variant);
        firstArguments(launch, variant, operands)
                .addPointer(lists.kept())
                .addPointer(lists.counts())
                .addInt(Math.ceilDiv(lists.canvasLength(), lists.blockSize()))
                .addPointer(tiles.address())
                .addInt(tiles.count())
                .addPointer(counter.address());
        run(launch, variant, Math.ceilDiv(tiles.count(), variant.perBlock), heads);
    }

    private Launch launch(Variant variant) {
        return launches.computeIfAbsent(variant.name, name -> new Launch(modules, variant.file, name, stream));
    }

    /** Adds the first arguments of every kernel. */
    private KernelArguments firstArguments(Launch launch, Variant variant, AttentionOperands operands) {
        HeadLayout heads = operands.heads();
        return launch.arguments()
                .addTensorMap(tensorMap(operands.queries(), variant.queryBox))
                .addTensorMap(tensorMap(operands.keys(), variant.keyBox))
                .addTensorMap(tensorMap(operands.values(), variant.keyBox))
                .addPointer(operands.out().address())
                .addPointer(operands.logSumExpAddress())
                .addInt(operands.queries().rows())
                .addInt(operands.keys().rows())
                .addInt(heads.queryHeads())
                .addInt(heads.keyValueHeads())
                .addInt(operands.out().columns())
                .addFloat(heads.scale());
    }

    private void run(Launch launch, Variant variant, int blocks, HeadLayout heads) {
        launch.run(grid(blocks, heads), 1, 1, variant.threads, variant.sharedBytes);
    }

    private int grid(int blocks, HeadLayout heads) {
        return (int) Math.min(multiprocessors, (long) blocks * heads.queryHeads());
    }

    /** Boxes of 64 columns, 128 bytes, are as wide as the swizzle. */
    private TensorMap tensorMap(DeviceTensor tensor, int boxRows) {
        if (tensorMaps.size() > 1000) {
            tensorMaps
                    .clear(); // a request's tensors come again in every step; those of closed requests are left behind
        }
        return tensorMaps.computeIfAbsent(
                new MapKey(tensor.address(), tensor.rows(), tensor.columns(), boxRows),
                key -> TensorMap.bfloat16(
                        key.address,
                        new long[] {key.columns, key.rows},
                        new long[] {(long) key.columns * Short.BYTES},
                        new int[] {CHUNK_COLUMNS, key.boxRows},
                        TensorMap.Swizzle.BYTES_128));
    }

    @Override
    public void denseAndSelect(AttentionOperands operands, SelectionRule rule, long words) {
        HeadLayout heads = operands.heads();
        if (!(rule instanceof RatioRule ratio)) {
            throw new IllegalArgumentException("Hopper's kernels select a fixed share of the blocks, not by " + rule);
        }
        BlockLayout layout = rule.layout();
        Variant variant = SELECT.get(headDim + "/" + layout.blockSize());
        Launch launch = launch(variant);
        int tiles = Math.ceilDiv(layout.canvasLength(), SELECT_TILE);
        // closed once the launch is submitted: the next user of the stream's memory comes after it
        try (DeviceBuffer scratch =
                modules.device().memory().borrow(selectScratchBytes(layout, tiles, heads), "block sums", stream)) {
            firstArguments(launch, variant, operands)
                    .addInt(layout.firstGenerationBlock())
                    .addInt(ratio.promptBudget())
                    .addInt(ratio.generationBudget())
                    .addPointer(scratch.address())
                    .addPointer(words)
                    .addPointer(counter.address());
            run(launch, variant, tiles, heads);
        }
    }

    /** A float for each row of a thread block's tile and each key block that its tiles of keys have room for. */
    private long selectScratchBytes(BlockLayout layout, int queryTiles, HeadLayout heads) {
        int generationStart = layout.start(layout.firstGenerationBlock());
        int keyTiles = Math.ceilDiv(generationStart, SELECT_TILE)
                + Math.ceilDiv(layout.canvasLength() - generationStart, SELECT_TILE);
        long keyBlocks = (long) keyTiles * (SELECT_TILE / layout.blockSize());
        return grid(queryTiles, heads) * keyBlocks * SELECT_TILE * Float.BYTES;
    }

    @Override
    public void close() {
        launches.values().forEach(Launch::close);
        counter.close();
    }
}
