package dev.sparsed.internal.amx;

import static dev.sparsed.internal.amx.KernelLibrary.ARRAYS;
import static dev.sparsed.internal.amx.KernelLibrary.checkTiles;
import static dev.sparsed.internal.amx.KernelLibrary.handle;
import static dev.sparsed.internal.amx.KernelLibrary.thrown;

import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.Weights;
import dev.sparsed.spi.DType;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The kernels of linear layers, on tiles of bf16 or of 8-bit integers ({@link TileType}). */
final class ProductKernels {

    private static final MethodHandle ROUND = handle("ALLLLAL", ARRAYS);
    private static final MethodHandle QUANTIZE = handle("ALLLLALAL", ARRAYS);
    private static final MethodHandle PACK = handle("ALLLLLA");
    private static final MethodHandle PACK_HEAP = handle("ALLLLLA", ARRAYS);
    private static final MethodHandle PACK_INT8 = handle("ALLLLLAA");
    private static final MethodHandle PACK_INT8_HEAP = handle("ALLLLLAA", ARRAYS);
    private static final MethodHandle LINEAR = handle("ALALALALLLLLLA", ARRAYS);
    private static final MethodHandle LINEAR_INT8 = handle("ALAALAALALLLLLLA", ARRAYS);
    private static final MethodHandle GATED = handle("ALAALALLLLLA");

    private final MemorySegment roundRows;
    private final MemorySegment quantizeRows;
    private final MemorySegment packWeights;
    private final MemorySegment quantizeWeights;
    private final MemorySegment linear;
    private final MemorySegment linearInt8;
    private final MemorySegment gated;

    /**
     * Looks the kernels up.
     *
     * @param library where they are
     */
    ProductKernels(KernelLibrary library) {
        roundRows = library.address("round_rows");
        quantizeRows = library.address("quantize_rows");
        packWeights = library.address("pack_weights");
        quantizeWeights = library.address("quantize_weights");
        linear = library.address("linear");
        linearInt8 = library.address("linear_int8");
        gated = library.address("gated");
    }

    /**
     * Packs some rows of an input.
     *
     * @param x the input
     * @param from first row
     * @param rows how many
     * @param out receives the rows' tiles, and the scales of 8-bit integers
     * @param rowTile the row tile of {@code out} at which they begin
     */
    void packRows(Matrix x, int from, int rows, TileMatrix out, int rowTile) {
        Objects.checkFromIndexSize(from, rows, x.rows());
        out.checkRows(rowTile, rows, x.columns());
        MemorySegment data = MemorySegment.ofArray(x.data());
        long tile = (long) rowTile * out.depthTiles();
        long columns = x.columns();
        try {
            if (out.type() == TileType.INT8) {
                QUANTIZE.invokeExact(
                        quantizeRows,
                        data,
                        (long) x.row(from),
                        columns,
                        (long) rows,
                        columns,
                        out.tiles(),
                        tile,
                        out.scales(),
                        (long) rowTile * Tiles.ROWS);
            } else {
                ROUND.invokeExact(
                        roundRows, data, (long) x.row(from), columns, (long) rows, columns, out.tiles(), tile);
            }
        } catch (Throwable e) {
            throw thrown(e);
        }
    }

    /**
     * Packs some row tiles of a weight, for the right-hand side.
     *
     * @param w the weight
     * @param from first row tile
     * @param to end of the row tiles
     * @param out receives them in their place
     */
    void packWeights(Weights w, int from, int to, TileMatrix out) {
        Objects.checkFromToIndex(from, to, Tiles.rowTiles(w.rows()));
        out.checkRows(0, w.rows(), w.columns());
        long type = w.dtype() == DType.F32 ? 0 : w.dtype() == DType.F16 ? 1 : 2; // Weights has no other
        MemorySegment data = w.data();
        MemorySegment tiles = out.tiles();
        long rows = w.rows();
        long columns = w.columns();
        try {
            if (out.type() == TileType.INT8) {
                (data.isNative() ? PACK_INT8 : PACK_INT8_HEAP)
                        .invokeExact(
                                quantizeWeights,
                                data,
                                type,
                                rows,
                                columns,
                                (long) from,
                                (long) to,
                                tiles,
                                out.scales());
            } else {
                (data.isNative() ? PACK : PACK_HEAP)
                        .invokeExact(packWeights, data, type, rows, columns, (long) from, (long) to, tiles);
            }
        } catch (Throwable e) {
            throw thrown(e);
        }
    }

    /**
     * One part of a product, {@code out = x·wᵀ (+ bias)}.
     *
     * @param x packed rows
     * @param xTile row tile of x at which the part begins
     * @param w packed weight of the same type and depth
     * @param wTile row tile of w at which the part begins
     * @param bias of all columns, or null
     * @param out receives rows {@code row …} and columns {@code 16·wTile …}
     * @param row first row of out
     * @param rows rows of the part
     * @param columns columns of the part
     * @param depthBlock tiles of the summed dimension at a time
     * @param sums scratch: a tile for each of the part
     */
    void linear(
            TileMatrix x,
            int xTile,
            TileMatrix w,
            int wTile,
            @Nullable Matrix bias,
            Matrix out,
            int row,
            int rows,
            int columns,
            int depthBlock,
            MemorySegment sums) {
        int column = wTile * Tiles.ROWS;
        int depthTiles = w.depthTiles();
        Objects.checkFromIndexSize(row, rows, out.rows());
        Objects.checkFromIndexSize(column, columns, out.columns());
        x.checkRows(xTile, rows, w.columns());
        w.checkRows(wTile, columns, x.columns());
        if (depthBlock < depthTiles) {
            checkTiles(sums, 0, (long) Tiles.rowTiles(rows) * Tiles.rowTiles(columns));
        }
        if (bias != null && bias.columns() < column + columns || depthBlock < 1 || x.type() != w.type()) {
            throw new IllegalArgumentException(
                    "bias " + bias + ", depthBlock " + depthBlock + ", x " + x.type() + ", w " + w.type());
        }
        MemorySegment biases = bias == null ? MemorySegment.NULL : MemorySegment.ofArray(bias.data());
        long biasOffset = bias == null ? 0L : bias.offset() + column;
        MemorySegment result = MemorySegment.ofArray(out.data());
        long offset = (long) out.row(row) + column;
        try {
            if (x.type() == TileType.INT8) {
                LINEAR_INT8.invokeExact(
                        linearInt8,
                        x.tiles(),
                        (long) xTile,
                        x.scales(),
                        w.tiles(),
                        (long) wTile,
                        w.scales(),
                        biases,
                        biasOffset,
                        result,
                        offset,
                        (long) out.columns(),
                        (long) rows,
                        (long) columns,
                        (long) depthTiles,
                        (long) depthBlock,
                        sums);
            } else {
                LINEAR.invokeExact(
                        linear,
                        x.tiles(),
                        (long) xTile,
                        w.tiles(),
                        (long) wTile,
                        biases,
                        biasOffset,
                        result,
                        offset,
                        (long) out.columns(),
                        (long) rows,
                        (long) columns,
                        (long) depthTiles,
                        (long) depthBlock,
                        sums);
            }
        } catch (Throwable e) {
            throw thrown(e);
        }
    }

    /**
     * One part of the inner half of an MLP with SwiGLU, {@code out = silu(x·gateᵀ) · (x·upᵀ)}, in bf16.
     *
     * @param x packed rows
     * @param gate packed weight
     * @param up packed weight of the same shape
     * @param wTile row tile of gate and up at which the part begins; even
     * @param out receives the same rows as those of x, and columns {@code 16·wTile …}
     * @param rowTile row tile of x and out at which the part begins
     * @param rows rows of the part
     * @param columns columns of the part; a multiple of 32, or all that there are
     * @param depthBlock tiles of the summed dimension at a time
     * @param sums scratch: two tiles for each of the part
     */
    void gated(
            TileMatrix x,
            TileMatrix gate,
            TileMatrix up,
            int wTile,
            TileMatrix out,
            int rowTile,
            int rows,
            int columns,
            int depthBlock,
            MemorySegment sums) {
        int depthTiles = x.depthTiles();
        int end = wTile * Tiles.ROWS + columns;
        x.checkRows(rowTile, rows, gate.columns());
        gate.checkRows(wTile, columns, up.columns());
        up.checkRows(wTile, columns, x.columns());
        out.checkRows(rowTile, rows, out.columns());
        if (depthBlock < depthTiles) {
            checkTiles(sums, 0, 2L * Tiles.rowTiles(rows) * Tiles.rowTiles(columns));
        }
        if (x.type() != TileType.BF16
                || gate.type() != TileType.BF16
                || up.type() != TileType.BF16
                || out.type() != TileType.BF16
                || depthBlock < 1
                || wTile % 2 != 0
                || columns < 1
                || end > out.columns()
                || columns % Tiles.DEPTH != 0 && end != out.columns()) {
            throw new IllegalArgumentException("columns " + wTile * Tiles.ROWS + " to " + end + " of " + out.columns()
                    + ", depthBlock " + depthBlock + ", x " + x.type() + ", gate " + gate.type() + ", up " + up.type());
        }
        try {
            GATED.invokeExact(
                    gated,
                    x.tiles(),
                    (long) rowTile,
                    gate.tiles(),
                    up.tiles(),
                    (long) wTile,
                    out.tiles(),
                    (long) out.depthTiles(),
                    (long) rows,
                    (long) columns,
                    (long) depthTiles,
                    (long) depthBlock,
                    sums);
        } catch (Throwable e) {
            throw thrown(e);
        }
    }
}
