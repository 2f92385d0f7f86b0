package dev.sparsed.internal.vector;

import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.Weights;
import dev.sparsed.internal.cpu.WorkerPool;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The matrix product {@code out = x·wᵀ (+ bias)}, blocked for the caches as in Goto and van de Geijn, "Anatomy of
 * High-Performance Matrix Multiplication" (2008).
 *
 * <ul>
 *   <li>{@code x} is copied into tiles of {@link GemmTile#ROWS} rows and {@link GemmTile#DEPTH} columns;
 *   <li>a task multiplies up to {@link #TASK_TILES} tiles with a few panels of {@code w}. Per {@code DEPTH} columns it
 *       packs the panels ({@link WeightPanel}) and runs {@link #BLOCK_TILES} tiles of {@code x} after the other against
 *       them, all in the second-level cache;
 *   <li>its sums collect in scratch memory; the last {@code DEPTH} columns bring whole tiles straight to {@code out},
 *       so that only the rest knows about ragged edges.
 * </ul>
 *
 * <p>An element of {@code out} is the sum over k of {@code DEPTH} products at a time, each block in the order of k
 * with fused multiply-adds; blocks are added in order, then the bias. Nothing else enters into it: neither the number
 * of threads nor the width of vectors nor how many other rows {@code x} has.
 */
final class Gemm {

    private static final int TILE = GemmTile.ROWS * GemmTile.A_STRIDE;

    private static final int TILE_SUMS = GemmTile.ROWS * GemmTile.WIDTH;

    /** Tiles that stay in the cache together: 258 rows of {@code A_STRIDE} floats are 274 KiB. */
    private static final int BLOCK_TILES = 258 / GemmTile.ROWS;

    /** Tiles of a task; the more, the less packing. The sums of 2,064 rows and 128 columns are 1 MiB. */
    private static final int TASK_TILES = 8 * BLOCK_TILES;

    /** Panels of a task: {@code DEPTH × 128} packed weights are 128 KiB. */
    private static final int TASK_PANELS = Math.max(1, 128 / GemmTile.WIDTH);

    /** Tasks per thread that let the fast ones make up for the slow ones. */
    private static final int TASKS_PER_THREAD = 4;

    /**
     * Up to this many tiles all of {@code x} stays in the cache: panels are then packed over their whole length, as
     * memory has them.
     */
    private static final int FEW_TILES = 8;

    /** Floats of {@code x} copied at a time (32 MiB). */
    private static final int MAX_COPY = 8 << 20;

    private final WorkerPool pool;
    private final @Nullable Scratch[] scratch;
    private float[] copy = {};

    /**
     * The products of one request.
     *
     * @param pool threads to work on
     */
    Gemm(WorkerPool pool) {
        this.pool = pool;
        this.scratch = new Scratch[pool.slots()];
    }

    /**
     * {@code out = x·wᵀ (+ bias)}.
     *
     * @param x {@code [rows, in]}
     * @param w {@code [out, in]}
     * @param bias {@code [1, out]} or null
     * @param out {@code [rows, out]}; shares no memory with {@code x}
     */
    void linear(Matrix x, Weights w, @Nullable Matrix bias, Matrix out) {
        int blocks = ceilDiv(x.columns(), GemmTile.DEPTH);
        int maxTiles = Math.max(1, MAX_COPY / (blocks * TILE));
        int maxRows = maxTiles * GemmTile.ROWS;
        for (int from = 0; from < x.rows(); from += maxRows) {
            int rows = Math.min(maxRows, x.rows() - from);
            multiply(x.slice(from, rows), w, bias, out.slice(from, rows));
        }
    }

    private void multiply(Matrix x, Weights w, @Nullable Matrix bias, Matrix out) {
        int tiles = ceilDiv(x.rows(), GemmTile.ROWS);
        int blocks = ceilDiv(x.columns(), GemmTile.DEPTH);
        int panels = ceilDiv(w.rows(), GemmTile.WIDTH);
        if (copy.length < tiles * blocks * TILE) {
            copy = new float[tiles * blocks * TILE];
        }
        float[] a = copy;
        pool.forEach(tiles, (tile, slot) -> copyTile(x, tile, tiles, a));

        int wanted = TASKS_PER_THREAD * pool.slots();
        int groupPanels = Math.clamp(panels / wanted, 1, TASK_PANELS);
        int groups = ceilDiv(panels, groupPanels);
        int useful = Math.min(ceilDiv(wanted, groups), ceilDiv(tiles, BLOCK_TILES));
        int chunkTiles = ceilDiv(tiles, Math.max(useful, ceilDiv(tiles, TASK_TILES)));
        int chunks = ceilDiv(tiles, chunkTiles);
        pool.forEach(chunks * groups, (task, slot) -> {
            int tile = task / groups * chunkTiles;
            int panel = task % groups * groupPanels;
            Part part = new Part(
                    x.columns(),
                    tile,
                    Math.min(tiles, tile + chunkTiles),
                    tiles,
                    panel,
                    Math.min(panels, panel + groupPanels));
            multiplyPart(part, a, w, out, scratch(slot));
            if (bias != null) {
                int column = panel * GemmTile.WIDTH;
                int endColumn = Math.min(out.columns(), part.endPanel * GemmTile.WIDTH);
                int endRow = Math.min(out.rows(), part.endTile * GemmTile.ROWS);
                GemmEdges.addBias(bias, out, tile * GemmTile.ROWS, endRow, column, endColumn);
            }
        });
    }

    /** Copies tile {@code tile} of all blocks; {@code a} is {@code [blocks][tiles][ROWS][A_STRIDE]}. */
    private static void copyTile(Matrix x, int tile, int tiles, float[] a) {
        int firstRow = tile * GemmTile.ROWS;
        for (int k = 0; k < x.columns(); k += GemmTile.DEPTH) {
            int to = (k / GemmTile.DEPTH * tiles + tile) * TILE;
            int depth = Math.min(GemmTile.DEPTH, x.columns() - k);
            for (int row = 0; row < GemmTile.ROWS; row++, to += GemmTile.A_STRIDE) {
                if (firstRow + row < x.rows()) {
                    System.arraycopy(x.data(), x.row(firstRow + row) + k, a, to, depth);
                } else {
                    Arrays.fill(a, to, to + depth, 0f); // multiplied all the same: leftovers may be slow subnormals
                }
            }
        }
    }

    private static void multiplyPart(Part part, float[] a, Weights w, Matrix out, Scratch scratch) {
        scratch.clearSums((part.endTile - part.tile) * (part.endPanel - part.panel) * TILE_SUMS);
        if (part.endTile - part.tile <= FEW_TILES) {
            for (int panel = part.panel; panel < part.endPanel; panel++) {
                for (int k = 0; k < w.columns(); k += GemmTile.DEPTH) {
                    multiplyBlock(part, a, k, w, panel, panel + 1, out, scratch);
                }
            }
        } else {
            for (int k = 0; k < w.columns(); k += GemmTile.DEPTH) {
                multiplyBlock(part, a, k, w, part.panel, part.endPanel, out, scratch);
            }
        }
    }

    /** The columns {@code k … k + DEPTH − 1} of some panels. */
    private static void multiplyBlock(
            Part part, float[] a, int k, Weights w, int panel, int endPanel, Matrix out, Scratch scratch) {
        int depth = Math.min(GemmTile.DEPTH, w.columns() - k);
        for (int p = panel; p < endPanel; p++) {
            WeightPanel.pack(w, p * GemmTile.WIDTH, k, depth, scratch.panels[p - panel], scratch.squares);
        }
        for (int tile = part.tile; tile < part.endTile; tile += BLOCK_TILES) {
            int endTile = Math.min(part.endTile, tile + BLOCK_TILES);
            for (int p = panel; p < endPanel; p++) {
                multiplyTiles(part, tile, endTile, a, k, depth, scratch.panels[p - panel], p, out, scratch.sums);
            }
        }
    }

    /** Some tiles times one packed panel. */
    private static void multiplyTiles(
            Part part,
            int tile,
            int endTile,
            float[] a,
            int k,
            int depth,
            MemorySegment packed,
            int panel,
            Matrix out,
            float[] sums) {
        int column = panel * GemmTile.WIDTH;
        boolean direct = k + depth == part.inputs && column + GemmTile.WIDTH <= out.columns();
        for (int t = tile; t < endTile; t++) {
            int from = (k / GemmTile.DEPTH * part.allTiles + t) * TILE;
            int at = part.sums(t, panel);
            int row = t * GemmTile.ROWS;
            if (direct && row + GemmTile.ROWS <= out.rows()) {
                GemmTile.multiplyAdd(
                        a, from, packed, depth, sums, at, out.data(), out.row(row) + column, out.columns());
            } else {
                GemmTile.multiplyAdd(a, from, packed, depth, sums, at, sums, at, GemmTile.WIDTH);
                if (k + depth == part.inputs) {
                    GemmEdges.copyOut(sums, at, out, row, column);
                }
            }
        }
    }

    private Scratch scratch(int slot) {
        Scratch own = scratch[slot];
        if (own == null) {
            own = new Scratch();
            scratch[slot] = own;
        }
        return own;
    }

    private static int ceilDiv(int a, int b) {
        return Math.ceilDiv(a, b);
    }

    /**
     * What one task computes.
     *
     * @param inputs columns of {@code x} and {@code w}
     * @param tile first tile of {@code x}
     * @param endTile end of its tiles
     * @param allTiles tiles of {@code x} in all
     * @param panel first panel of {@code w}
     * @param endPanel end of its panels
     */
    private record Part(int inputs, int tile, int endTile, int allTiles, int panel, int endPanel) {

        /** Where the sums of a tile are: {@code [panels][tiles][ROWS][WIDTH]}. */
        int sums(int ofTile, int ofPanel) {
            return ((ofPanel - panel) * (endTile - tile) + ofTile - tile) * TILE_SUMS;
        }
    }

    /** Memory of one slot. */
    private static final class Scratch {

        private final MemorySegment[] panels = new MemorySegment[TASK_PANELS];
        private final MemorySegment squares = WeightPanel.newSquares();
        private float[] sums = {};

        Scratch() {
            Arrays.setAll(panels, i -> GemmTile.newPanel());
        }

        void clearSums(int count) {
            if (sums.length < count) {
                sums = new float[count];
            } else {
                Arrays.fill(sums, 0, count, 0f);
            }
        }
    }
}
