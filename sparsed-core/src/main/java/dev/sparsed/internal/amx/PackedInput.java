package dev.sparsed.internal.amx;

import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.WorkerPool;
import java.lang.foreign.MemorySegment;

/** Some rows of an input as tiles, for the left-hand side of products, in memory that grows on demand. */
final class PackedInput {

    /** Bytes of packed rows at a time. */
    private static final long MOST = 32L << 20;

    /** Row tiles that one task packs: 32 rows of 1024 take about 10 µs. */
    private static final int TILES_PER_TASK = 2;

    private final ProductKernels kernels;
    private final WorkerPool pool;
    private final WorkerPool.Task packing = this::pack;
    private MemorySegment tiles = MemorySegment.NULL;
    private MemorySegment scales = MemorySegment.NULL;
    private Matrix x = Matrix.zeros(0, 1);
    private TileMatrix packed = new TileMatrix(TileType.BF16, 1, tiles, scales);
    private int first;
    private int rows;

    PackedInput(ProductKernels kernels, WorkerPool pool) {
        this.kernels = kernels;
        this.pool = pool;
    }

    /**
     * {@return how many rows to pack at a time; a multiple of a tile's}
     *
     * @param type what the tiles hold
     * @param columns of a row
     */
    static int mostRows(TileType type, int columns) {
        long rowBytes = (long) type.depthTiles(columns) * Tiles.BYTES / Tiles.ROWS;
        return Math.clamp(MOST / rowBytes, Tiles.ROWS, 1 << 20) / Tiles.ROWS * Tiles.ROWS;
    }

    /**
     * Memory for some rows; forgets what was there.
     *
     * @param type what the tiles hold
     * @param rows how many
     * @param columns of a row
     * @return the rows, not packed yet
     */
    TileMatrix room(TileType type, int rows, int columns) {
        int rowTiles = Tiles.rowTiles(rows);
        tiles = Tiles.atLeast(tiles, (long) rowTiles * type.depthTiles(columns) * Tiles.BYTES);
        scales = Tiles.atLeast(scales, (long) rowTiles * Tiles.ROWS * Float.BYTES);
        return new TileMatrix(type, columns, tiles, scales);
    }

    /**
     * Packs some rows; forgets those before.
     *
     * @param x the input
     * @param first first row
     * @param rows how many
     * @param type what the tiles hold
     * @return the rows
     */
    TileMatrix pack(Matrix x, int first, int rows, TileType type) {
        this.x = x;
        this.first = first;
        this.rows = rows;
        packed = room(type, rows, x.columns());
        pool.forEach(Math.ceilDiv(Tiles.rowTiles(rows), TILES_PER_TASK), packing);
        return packed;
    }

    private void pack(int task, int slot) {
        int from = task * TILES_PER_TASK * Tiles.ROWS;
        int count = Math.min(TILES_PER_TASK * Tiles.ROWS, rows - from);
        kernels.packRows(x, first + from, count, packed, task * TILES_PER_TASK);
    }
}
