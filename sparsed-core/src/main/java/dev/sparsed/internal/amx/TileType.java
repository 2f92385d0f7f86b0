package dev.sparsed.internal.amx;

/** What the tiles of a product hold. Either way a tile has 16 rows of 64 bytes. */
enum TileType {
    /** bf16, sums in float32. */
    BF16(32),

    /** 8-bit integers with a scale for each row, sums in 32-bit integers. */
    INT8(64);

    /** Longest sum of products of two 8-bit integers, each at most 2¹⁴ in magnitude, that 32 bits hold. */
    static final int MOST_INT8_COLUMNS = (1 << 17) - 1;

    private final int depth;

    TileType(int depth) {
        this.depth = depth;
    }

    /**
     * {@return tiles that hold a number of columns}
     *
     * @param columns ≥ 0
     */
    int depthTiles(int columns) {
        return Math.ceilDiv(columns, depth);
    }
}
