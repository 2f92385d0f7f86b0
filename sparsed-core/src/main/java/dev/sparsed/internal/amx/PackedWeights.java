package dev.sparsed.internal.amx;

import dev.sparsed.internal.cpu.Weights;
import dev.sparsed.internal.cpu.WorkerPool;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Weights of linear layers in the order that the tiles want, in bf16, for all requests of a backend. A weight is packed when it is first
 * multiplied, which takes about as long as reading it from memory twice, and lives as long as the backend; what is only looked up (the
 * embedding) never is. Every packing is logged at DEBUG with its size and time.
 */
final class PackedWeights implements AutoCloseable {

    private static final System.Logger LOGGER = System.getLogger("dev.sparsed");

    private static final int CACHE_LINE = 64;

    /** Row tiles that one task packs: 64 rows of 2048 take about 50 µs. */
    private static final int TILES_PER_TASK = 4;

    private final NativeKernels kernels;
    private final Arena memory = Arena.ofShared();
    private final Map<Weights, MemorySegment> packed = new ConcurrentHashMap<>();

    PackedWeights(NativeKernels kernels) {
        this.kernels = kernels;
    }

    /**
     * {@return a weight's tiles, {@code [row tile][depth tile]}}
     *
     * @param weights the weight; not changed later
     * @param pool threads to pack it on
     */
    MemorySegment of(Weights weights, WorkerPool pool) {
        MemorySegment known = packed.get(weights);
        return known != null ? known : packed.computeIfAbsent(weights, missing -> pack(missing, pool));
    }

    private MemorySegment pack(Weights weights, WorkerPool pool) {
        long begin = System.nanoTime();
        int tiles = Tiles.rowTiles(weights.rows());
        long bytes = (long) tiles * Tiles.depthTiles(weights.columns()) * Tiles.BYTES;
        MemorySegment out = memory.allocate(Math.max(bytes, 1), CACHE_LINE);
        pool.forEach(Math.ceilDiv(tiles, TILES_PER_TASK), (task, slot) -> {
            int from = task * TILES_PER_TASK;
            kernels.packWeights(weights, from, Math.min(from + TILES_PER_TASK, tiles), out);
        });
        LOGGER.log(
                System.Logger.Level.DEBUG,
                "packed a weight [{0}, {1}] for AMX: {2} KiB in {3} µs",
                weights.rows(),
                weights.columns(),
                bytes >> 10,
                (System.nanoTime() - begin) / 1000);
        return out;
    }

    @Override
    public void close() {
        memory.close();
    }
}
