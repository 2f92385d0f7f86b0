package dev.sparsed.internal.vector;

import dev.sparsed.internal.cpu.Linear;
import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.WorkerPool;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The matrix product {@code out = x·wᵀ (+ bias)}, of one or several {@code w}, blocked for the caches as in Goto and
 * van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008).
 *
 * <ul>
 *   <li>{@code x} is copied into tiles of {@link GemmTile#ROWS} rows and {@link GemmTile#DEPTH} columns, once for all
 *       {@code w};
 *   <li>a task multiplies some tiles with a few panels of one {@code w} ({@link GemmPart}). Per {@code DEPTH} columns
 *       it packs the panels ({@link WeightPanel}) and runs {@link GemmPart#BLOCK_TILES} tiles of {@code x} after the
 *       other against them, all in the second-level cache.
 * </ul>
 *
 * <p>An element of {@code out} is the sum over k of {@code DEPTH} products at a time, each block in the order of k
 * with fused multiply-adds; blocks are added in order, then the bias. Nothing else enters into it: neither the number
 * of threads nor the width of vectors nor how many other rows {@code x} has, nor what else it is multiplied with.
 */
final class Gemm {

    /** Tasks per thread that let the fast ones make up for the slow ones. */
    private static final int TASKS_PER_THREAD = 4;

    /** Floats of {@code x} copied at a time (32 MiB). */
    private static final int MAX_COPY = 8 << 20;

    private final WorkerPool pool;
    private final WorkerPool.Task copying = this::copyTile;
    private final WorkerPool.Task multiplying = this::multiplyPart;
    private final @Nullable GemmPart[] parts;
    private float[] copy = {};

    private Matrix x = RowOperation.NOTHING;
    private List<Linear> layers = List.of();
    private int firstRow;
    private int endRow;
    private int tiles;
    private int chunkTiles;
    private int groupPanels;

    /** The first group of panels of every layer, and the end of the last one's. */
    private int[] firstGroup = new int[2];

    /**
     * The products of one request.
     *
     * @param pool threads to work on
     */
    Gemm(WorkerPool pool) {
        this.pool = pool;
        parts = new GemmPart[pool.slots()];
    }

    /**
     * Every layer's {@code out = x·wᵀ (+ bias)}.
     *
     * @param x {@code [rows, in]}
     * @param layers one or more; no {@code out} shares memory with {@code x}
     */
    void linear(Matrix x, List<Linear> layers) {
        this.x = x;
        this.layers = layers;
        int allTiles = Math.ceilDiv(x.rows(), GemmTile.ROWS);
        int mostTiles = Math.max(1, MAX_COPY / (blocks() * GemmPart.TILE));
        int copies = Math.max(1, Math.ceilDiv(allTiles, mostTiles));
        int rowsPerCopy = Math.ceilDiv(allTiles, copies) * GemmTile.ROWS;
        for (int from = 0; from < x.rows(); from += rowsPerCopy) {
            multiply(from, Math.min(rowsPerCopy, x.rows() - from));
        }
    }

    private int blocks() {
        return Math.ceilDiv(x.columns(), GemmTile.DEPTH);
    }

    private void multiply(int from, int rows) {
        firstRow = from;
        endRow = from + rows;
        tiles = Math.ceilDiv(rows, GemmTile.ROWS);
        int size = tiles * blocks() * GemmPart.TILE;
        copy = copy.length < size ? new float[size] : copy;
        pool.forEach(tiles, copying);

        int wanted = TASKS_PER_THREAD * pool.slots();
        int groups = groupPanels(wanted);
        int useful = Math.min(Math.ceilDiv(wanted, groups), Math.ceilDiv(tiles, GemmPart.BLOCK_TILES));
        chunkTiles = Math.ceilDiv(tiles, Math.max(useful, Math.ceilDiv(tiles, GemmPart.MOST_TILES)));
        pool.forEach(Math.ceilDiv(tiles, chunkTiles) * groups, multiplying);
    }

    /** Splits the panels of all layers into groups, each of one layer. {@return how many groups} */
    private int groupPanels(int wanted) {
        int panels = 0;
        for (int i = 0; i < layers.size(); i++) {
            panels += panels(i);
        }
        groupPanels = Math.clamp(panels / wanted, 1, GemmPart.MOST_PANELS);
        firstGroup = firstGroup.length <= layers.size() ? new int[layers.size() + 1] : firstGroup;
        int groups = 0;
        for (int i = 0; i < layers.size(); i++) {
            firstGroup[i] = groups;
            groups += Math.ceilDiv(panels(i), groupPanels);
        }
        firstGroup[layers.size()] = groups;
        return groups;
    }

    private int panels(int layer) {
        return Math.ceilDiv(layers.get(layer).weight().rows(), GemmTile.WIDTH);
    }

    /** Copies tile {@code tile} of all blocks; the copy is {@code [blocks][tiles][DEPTH][ROWS]}. */
    private void copyTile(int tile, int slot) {
        for (int k = 0; k < x.columns(); k += GemmTile.DEPTH) {
            int to = (k / GemmTile.DEPTH * tiles + tile) * GemmPart.TILE;
            int depth = Math.min(GemmTile.DEPTH, x.columns() - k);
            int row = firstRow + tile * GemmTile.ROWS;
            if (row + GemmTile.ROWS <= endRow) {
                Transposition.interleave6(x.data(), x.row(row) + k, x.columns(), depth, copy, to);
            } else {
                copyLast(row, k, depth, to);
            }
        }
    }

    /** A tile that has fewer rows. */
    private void copyLast(int first, int k, int depth, int to) {
        for (int i = 0; i < GemmTile.ROWS; i++) {
            if (first + i < endRow) {
                copyRow(x.data(), x.row(first + i) + k, depth, copy, to + i);
            } else {
                clearRow(depth, copy, to + i); // multiplied all the same: leftovers may be slow subnormals
            }
        }
    }

    private static void copyRow(float[] from, int at, int depth, float[] copy, int to) {
        for (int k = 0; k < depth; k++) {
            copy[to + k * GemmTile.ROWS] = from[at + k];
        }
    }

    private static void clearRow(int depth, float[] copy, int to) {
        for (int k = 0; k < depth; k++) {
            copy[to + k * GemmTile.ROWS] = 0;
        }
    }

    private void multiplyPart(int task, int slot) {
        int groups = firstGroup[layers.size()];
        int tile = task / groups * chunkTiles;
        int endTile = Math.min(tiles, tile + chunkTiles);
        int group = task % groups;
        int index = 0;
        while (group >= firstGroup[index + 1]) {
            index++;
        }
        Linear layer = layers.get(index);
        int panel = (group - firstGroup[index]) * groupPanels;
        int endPanel = Math.min(panels(index), panel + groupPanels);
        Matrix out = layer.out();
        GemmPart part = part(slot);
        part.rows(copy, tiles, firstRow, tile, endTile);
        part.multiply(layer.weight(), panel, endPanel, out);
        Matrix bias = layer.bias();
        if (bias != null) {
            int column = panel * GemmTile.WIDTH;
            int endColumn = Math.min(out.columns(), endPanel * GemmTile.WIDTH);
            int row = firstRow + tile * GemmTile.ROWS;
            GemmEdges.addBias(bias, out, row, Math.min(endRow, firstRow + endTile * GemmTile.ROWS), column, endColumn);
        }
    }

    private GemmPart part(int slot) {
        GemmPart own = parts[slot];
        if (own == null) {
            own = new GemmPart();
            parts[slot] = own;
        }
        return own;
    }
}
