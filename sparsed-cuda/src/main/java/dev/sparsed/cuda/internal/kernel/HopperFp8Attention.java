package dev.sparsed.cuda.internal.kernel;

import dev.sparsed.cuda.internal.driver.CudaStream;
import dev.sparsed.cuda.internal.driver.DeviceBuffer;
import dev.sparsed.cuda.internal.driver.TensorMap;
import dev.sparsed.cuda.internal.kernel.AttentionKernels.KeptLists;
import dev.sparsed.cuda.internal.kernel.AttentionKernels.TileList;
import dev.sparsed.spi.HeadLayout;
import java.util.Map;

/**
 * hopper_fp8_operands.cu and hopper_fp8_attention.cu: attention to kept blocks in 8-bit floats (e4m3). Queries, keys and values, BF16, are
 * quantized first; on compute capability 9.0 alone.
 */
public final class HopperFp8Attention implements AutoCloseable {

    private static final String OPERANDS = "hopper_fp8_operands";
    private static final String ATTENTION = "hopper_fp8_attention";
    private static final int BLOCK = 128;
    private static final int QUERY_BOX = 64;
    private static final int THREADS = 384;
    private static final int OPERANDS_THREADS = 256;

    /** Elements of queries that a thread block quantizes. */
    private static final int OPERANDS_ELEMENTS = 8192;

    /** Dynamic shared memory by head dimension. */
    private static final Map<Integer, Integer> SHARED_BYTES = Map.of(128, 148_676, 64, 74_948);

    private final int headDim;
    private final int multiprocessors;
    private final DeviceBuffer counter;
    private final Launch queries;
    private final Launch keysAndValues;
    private final Launch attention;

    /**
     * For one stream and one head dimension.
     *
     * @param modules the device's kernels
     * @param stream where to run
     * @param headDim D, 64 or 128
     */
    public HopperFp8Attention(KernelModules modules, CudaStream stream, int headDim) {
        this.headDim = headDim;
        this.multiprocessors = modules.device().multiprocessors();
        queries = new Launch(modules, OPERANDS, "hopper_fp8_queries_d" + headDim, stream);
        keysAndValues = new Launch(modules, OPERANDS, "hopper_fp8_keys_values_d" + headDim, stream);
        attention = new Launch(modules, ATTENTION, "hopper_fp8_sparse_d" + headDim + "_b" + BLOCK, stream);
        counter = modules.device().memory().borrow(Integer.BYTES, "a tile counter", stream);
        stream.fillWords(counter.address(), 0, 1); // every launch leaves it zero
    }

    /**
     * {@return whether there are kernels}
     *
     * @param headDim D
     * @param blockSize B
     */
    public static boolean serves(int headDim, int blockSize) {
        return SHARED_BYTES.containsKey(headDim) && blockSize == BLOCK;
    }

    /**
     * Where the quantized operands lie, one after the other.
     *
     * @param queries codes, {@code [R, queryHeads × headDim]}
     * @param keys codes, {@code [N, keyValueHeads × headDim]}
     * @param values codes, {@code [keyValueHeads × headDim, blocks × 128]}
     * @param queryScales {@code [R, queryHeads]} floats
     * @param blockScales {@code [keyValueHeads, blocks, 2]} floats
     * @param end behind the last
     */
    private record Room(long queries, long keys, long values, long queryScales, long blockScales, long end) {

        private static final int ALIGNMENT = 256;

        static Room at(long address, int rows, int canvas, HeadLayout heads) {
            long blocks = Math.ceilDiv(canvas, BLOCK);
            long keys = after(address, (long) rows * heads.queryColumns());
            long values = after(keys, (long) canvas * heads.keyValueColumns());
            long queryScales = after(values, blocks * BLOCK * heads.keyValueColumns());
            long blockScales = after(queryScales, (long) rows * heads.queryHeads() * Float.BYTES);
            long end = after(blockScales, 2 * blocks * heads.keyValueHeads() * Float.BYTES);
            return new Room(address, keys, values, queryScales, blockScales, end);
        }

        private static long after(long address, long bytes) {
            return Math.ceilDiv(address + bytes, ALIGNMENT) * ALIGNMENT;
        }
    }

    /**
     * {@return the memory that quantized queries, keys and values take, in bytes}
     *
     * @param rows R
     * @param canvas N
     * @param heads how the columns split
     */
    public static long operandBytes(int rows, int canvas, HeadLayout heads) {
        return Room.at(0, rows, canvas, heads).end;
    }

    /**
     * Quantizes queries, keys and values, then computes {@link AttentionKernels#sparse} with them.
     *
     * @param operands what it reads and writes; a log-sum-exp is not written
     * @param tiles which rows of queries belong to which query block
     * @param lists what is kept
     * @param quantized device address of {@link #operandBytes} bytes, a multiple of 256; overwritten
     */
    public void sparse(AttentionOperands operands, TileList tiles, KeptLists lists, long quantized) {
        DeviceTensor q = operands.queries();
        DeviceTensor k = operands.keys();
        HeadLayout heads = operands.heads();
        Room room = Room.at(quantized, q.rows(), k.rows(), heads);
        int blocks = Math.ceilDiv(k.rows(), BLOCK);
        queries.arguments()
                .addPointer(q.address())
                .addPointer(room.queries)
                .addPointer(room.queryScales)
                .addInt(Math.multiplyExact(q.rows(), heads.queryHeads()));
        queries.run(Math.toIntExact(Math.ceilDiv(q.elements(), OPERANDS_ELEMENTS)), 1, 1, OPERANDS_THREADS, 0);
        keysAndValues
                .arguments()
                .addPointer(k.address())
                .addPointer(operands.values().address())
                .addPointer(room.keys)
                .addPointer(room.values)
                .addPointer(room.blockScales)
                .addInt(k.rows())
                .addInt(heads.keyValueHeads())
                .addInt(blocks);
        keysAndValues.run(blocks, heads.keyValueHeads(), 2, OPERANDS_THREADS, 0);
        attention
                .arguments()
                .addTensorMap(heads(room.queries, q.rows(), q.columns(), QUERY_BOX))
                .addTensorMap(heads(room.keys, k.rows(), k.columns(), BLOCK))
                .addTensorMap(transposed(room.values, heads.keyValueColumns(), blocks))
                .addPointer(room.queryScales)
                .addPointer(room.blockScales)
                .addPointer(operands.out().address())
                .addInt(q.rows())
                .addInt(k.rows())
                .addInt(heads.queryHeads())
                .addInt(heads.keyValueHeads())
                .addInt(operands.out().columns())
                .addFloat(heads.scale())
                .addPointer(lists.kept())
                .addPointer(lists.counts())
                .addInt(blocks)
                .addPointer(tiles.address())
                .addInt(tiles.count())
                .addPointer(counter.address());
        int grid = (int) Math.min(multiprocessors, (long) tiles.count() * heads.queryHeads());
        attention.run(grid, 1, 1, THREADS, SHARED_BYTES.get(headDim));
    }

    /** Boxes of one head's columns, as wide as the swizzle. */
    private TensorMap heads(long address, int rows, int columns, int boxRows) {
        return TensorMap.bytes(
                address,
                new long[] {columns, rows},
                new long[] {columns},
                new int[] {headDim, boxRows},
                headDim == 128 ? TensorMap.Swizzle.BYTES_128 : TensorMap.Swizzle.BYTES_64);
    }

    private TensorMap transposed(long address, int rows, int blocks) {
        long columns = (long) blocks * BLOCK;
        return TensorMap.bytes(
                address,
                new long[] {columns, rows},
                new long[] {columns},
                new int[] {BLOCK, headDim},
                TensorMap.Swizzle.BYTES_128);
    }

    @Override
    public void close() {
        queries.close();
        keysAndValues.close();
        attention.close();
        counter.close();
    }
}
