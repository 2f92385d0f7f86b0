package dev.sparsed.internal.amx;

import dev.sparsed.internal.cpu.Weights;
import dev.sparsed.internal.cpu.WorkerPool;
import java.lang.foreign.Arena;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Weights of linear layers as tiles, for all requests of a backend. A weight is packed when it is first multiplied, which takes about as long
 * as reading it from memory twice, and lives as long as the backend; what is only looked up (the embedding) never is. The memory that the
 * checkpoint's copy occupies is then given back where it is a mapped file, which the system reads again if anybody asks. Every packing is
 * logged at DEBUG with its size and time.
 */
final class PackedWeights implements AutoCloseable {

    private static final System.Logger LOGGER = System.getLogger("dev.sparsed");

    /** Row tiles that one task packs: 64 rows of 2048 take about 50 µs. */
    private static final int TILES_PER_TASK = 4;

    private final ProductKernels kernels;
    private final Arena memory = Arena.ofShared();
    private final Map<Weights, TileMatrix> packed = new ConcurrentHashMap<>();
    private final Set<Weights> quantized = ConcurrentHashMap.newKeySet();
    private final AtomicLong bytes = new AtomicLong();

    PackedWeights(ProductKernels kernels) {
        this.kernels = kernels;
    }

    /**
     * Has a weight packed in 8-bit integers.
     *
     * @param weights the weight, not multiplied yet
     */
    void quantize(Weights weights) {
        quantized.add(weights);
    }

    /**
     * {@return a weight's tiles}
     *
     * @param weights the weight; not changed later
     * @param pool threads to pack it on
     */
    TileMatrix of(Weights weights, WorkerPool pool) {
        TileMatrix known = packed.get(weights);
        return known != null ? known : packed.computeIfAbsent(weights, missing -> pack(missing, pool));
    }

    private TileMatrix pack(Weights weights, WorkerPool pool) {
        long begin = System.nanoTime();
        TileType type = quantized.contains(weights) ? TileType.INT8 : TileType.BF16;
        int tiles = Tiles.rowTiles(weights.rows());
        TileMatrix out = TileMatrix.allocate(type, weights.rows(), weights.columns(), memory);
        pool.forEach(Math.ceilDiv(tiles, TILES_PER_TASK), (task, slot) -> {
            int from = task * TILES_PER_TASK;
            kernels.packWeights(weights, from, Math.min(from + TILES_PER_TASK, tiles), out);
        });
        if (weights.data().isMapped()) {
            weights.data().unload();
        }
        LOGGER.log(
                System.Logger.Level.DEBUG,
                "packed a weight [{0}, {1}] for AMX in {2}: {3} KiB in {4} µs, {5} MiB in all",
                weights.rows(),
                weights.columns(),
                type,
                out.bytes() >> 10,
                (System.nanoTime() - begin) / 1000,
                bytes.addAndGet(out.bytes()) >> 20);
        return out;
    }

    @Override
    public void close() {
        memory.close();
    }
}
