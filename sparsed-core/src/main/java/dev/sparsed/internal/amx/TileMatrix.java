package dev.sparsed.internal.amx;

import static dev.sparsed.internal.amx.KernelLibrary.checkTiles;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.Objects;

/**
 * One side of a product, packed: {@code [row tile][depth tile]}, and the scales of 8-bit integers. The order within a tile differs by side.
 *
 * @param type what the tiles hold
 * @param columns length of the summed dimension
 * @param tiles the tiles
 * @param scales a float32 for every row of the row tiles, or nothing
 */
record TileMatrix(TileType type, int columns, MemorySegment tiles, MemorySegment scales) {

    private static final int CACHE_LINE = 64;

    /** Checks the length of the sums. */
    TileMatrix {
        if (type == TileType.INT8 && columns > TileType.MOST_INT8_COLUMNS) {
            throw new IllegalArgumentException(
                    "a sum of " + columns + " products of 8-bit integers can overflow 32 bits;" + " the longest is "
                            + TileType.MOST_INT8_COLUMNS + ": load without quantization");
        }
    }

    /**
     * Memory for some rows.
     *
     * @param type what the tiles hold
     * @param rows ≥ 1
     * @param columns ≥ 1
     * @param memory where
     * @return the matrix
     */
    static TileMatrix allocate(TileType type, int rows, int columns, SegmentAllocator memory) {
        long rowTiles = Tiles.rowTiles(rows);
        MemorySegment tiles = memory.allocate(rowTiles * type.depthTiles(columns) * Tiles.BYTES, CACHE_LINE);
        long scales = type == TileType.INT8 ? rowTiles * Tiles.ROWS * Float.BYTES : 0;
        return new TileMatrix(
                type, columns, tiles, scales == 0 ? MemorySegment.NULL : memory.allocate(scales, CACHE_LINE));
    }

    /** {@return tiles of the summed dimension} */
    int depthTiles() {
        return type.depthTiles(columns);
    }

    /** {@return what it occupies} */
    long bytes() {
        return tiles.byteSize() + scales.byteSize();
    }

    /** Checks that some rows of some length are there. */
    void checkRows(int rowTile, int rows, int columns) {
        if (columns != this.columns) {
            throw new IllegalArgumentException("rows of " + columns + " elements, not " + this.columns);
        }
        checkTiles(tiles, (long) rowTile * depthTiles(), (long) Tiles.rowTiles(rows) * depthTiles());
        if (type == TileType.INT8) {
            Objects.checkFromIndexSize(
                    (long) rowTile * Tiles.ROWS * Float.BYTES,
                    (long) Tiles.rowTiles(rows) * Tiles.ROWS * Float.BYTES,
                    scales.byteSize());
        }
    }
}
