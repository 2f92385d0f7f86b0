package dev.sparsed.internal.amx;

import dev.sparsed.internal.cpu.Linear;
import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.WorkerPool;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/**
 * Linear layers on tiles: the input is packed once for all layers, as their weights are, in bf16 or in 8-bit integers, then tasks of some rows
 * by some columns are shared out. An element of the result is the bias plus all products in the order of the summed dimension, in float32,
 * or the exact sum of integers times two scales, plus the bias; nothing else enters into it, neither the number of threads nor other rows.
 */
final class AmxLinear {

    /** Row tiles of a task: 256 rows of 1024 bf16 are 512 KiB, a quarter of the second-level cache. */
    static final int ROW_TILES = 16;

    /** Most column tiles of a task: its sums are then 256 KiB at most. */
    static final int COLUMN_TILES = 16;

    /** Depth tiles at a time: 32 columns of the weight are then 32 KiB, which stay in the first-level cache. */
    static final int DEPTH_BLOCK = 16;

    /** Tasks per thread that let the fast ones make up for the slow ones. */
    static final int TASKS_PER_THREAD = 4;

    private final ProductKernels kernels;
    private final PackedWeights packed;
    private final WorkerPool pool;
    private final PackedInput inputs;
    private final WorkerPool.Task multiplying = this::multiply;
    private final MemorySegment[] sums;

    private List<Linear> layers = List.of();
    private TileMatrix[] weights = {};
    private TileMatrix input = new TileMatrix(TileType.BF16, 1, MemorySegment.NULL, MemorySegment.NULL);

    /** The first group of column tiles of every layer, and the end of the last one's. */
    private int[] firstGroup = {};

    private int firstRow;
    private int rows;
    private int groupTiles;

    AmxLinear(ProductKernels kernels, PackedWeights packed, PackedInput inputs, WorkerPool pool) {
        this.kernels = kernels;
        this.packed = packed;
        this.inputs = inputs;
        this.pool = pool;
        sums = new MemorySegment[pool.slots()];
        Arrays.fill(sums, MemorySegment.NULL);
    }

    /**
     * Every layer's {@code out = x·wᵀ (+ bias)}.
     *
     * @param x {@code [rows, in]}
     * @param layers one or more
     */
    void linear(Matrix x, List<Linear> layers) {
        begin(layers);
        for (TileType type : TileType.values()) {
            int mostRows = PackedInput.mostRows(type, x.columns());
            for (int from = 0; from < x.rows() && has(type); from += mostRows) {
                int count = Math.min(mostRows, x.rows() - from);
                multiply(inputs.pack(x, from, count, type), from, count);
            }
        }
        this.layers = List.of();
    }

    /**
     * The same with some rows that are packed already.
     *
     * @param input the rows
     * @param layer a layer whose weight has the type of the input
     * @param firstRow row of the result at which they begin
     * @param rows how many
     */
    void linear(TileMatrix input, Linear layer, int firstRow, int rows) {
        begin(List.of(layer));
        multiply(input, firstRow, rows);
        layers = List.of();
    }

    private void begin(List<Linear> layers) {
        this.layers = layers;
        weights = weights.length < layers.size() ? new TileMatrix[layers.size()] : weights;
        for (int i = 0; i < layers.size(); i++) {
            weights[i] = packed.of(layers.get(i).weight(), pool);
        }
    }

    private boolean has(TileType type) {
        for (int i = 0; i < layers.size(); i++) {
            if (weights[i].type() == type) {
                return true;
            }
        }
        return false;
    }

    /** Multiplies some rows with the weights of their type. */
    private void multiply(TileMatrix input, int firstRow, int rows) {
        this.input = input;
        this.firstRow = firstRow;
        this.rows = rows;
        int panels = Math.ceilDiv(Tiles.rowTiles(rows), ROW_TILES);
        int groups = group(input.type(), Math.ceilDiv(TASKS_PER_THREAD * pool.slots(), panels));
        pool.forEach(panels * groups, multiplying);
    }

    /** Splits the column tiles of all layers of one type into groups, each of one layer. {@return how many groups} */
    private int group(TileType type, int wanted) {
        int tiles = 0;
        for (int i = 0; i < layers.size(); i++) {
            tiles += columnTiles(i, type);
        }
        groupTiles = Math.clamp(tiles / wanted / 2 * 2, 2, COLUMN_TILES); // pairs: the kernel's blocks are two wide
        firstGroup = firstGroup.length <= layers.size() ? new int[layers.size() + 1] : firstGroup;
        int groups = 0;
        for (int i = 0; i < layers.size(); i++) {
            firstGroup[i] = groups;
            groups += Math.ceilDiv(columnTiles(i, type), groupTiles);
        }
        firstGroup[layers.size()] = groups;
        return groups;
    }

    private int columnTiles(int layer, TileType type) {
        return weights[layer].type() == type
                ? Tiles.rowTiles(layers.get(layer).weight().rows())
                : 0;
    }

    private void multiply(int task, int slot) {
        int groups = firstGroup[layers.size()];
        int group = task % groups;
        int index = 0;
        while (group >= firstGroup[index + 1]) {
            index++;
        }
        Linear layer = layers.get(index);
        int tile = (group - firstGroup[index]) * groupTiles;
        int columns = Math.min(groupTiles * Tiles.ROWS, layer.weight().rows() - tile * Tiles.ROWS);
        int rowTile = task / groups * ROW_TILES;
        int count = Math.min(ROW_TILES * Tiles.ROWS, rows - rowTile * Tiles.ROWS);
        if (input.depthTiles() > DEPTH_BLOCK) {
            sums[slot] = Tiles.atLeast(sums[slot], (long) ROW_TILES * COLUMN_TILES * Tiles.BYTES);
        }
        kernels.linear(
                input,
                rowTile,
                weights[index],
                tile,
                layer.bias(),
                layer.out(),
                firstRow + rowTile * Tiles.ROWS,
                count,
                columns,
                DEPTH_BLOCK,
                sums[slot]);
    }
}
