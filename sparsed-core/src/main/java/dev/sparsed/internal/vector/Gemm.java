package dev.sparsed.internal.vector;

import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.Weights;
import dev.sparsed.internal.cpu.WorkerPool;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/**
 * The matrix product {@code out = x·wᵀ (+ bias)}, blocked for the caches as in Goto and van de Geijn, "Anatomy of
 * High-Performance Matrix Multiplication" (2008).
 *
 * <ul>
 *   <li>{@code x} is copied into tiles of {@link GemmTile#ROWS} rows and {@link GemmTile#DEPTH} columns;
 *   <li>a task multiplies a few hundred rows with a few panels of {@code w}. Per {@code DEPTH} columns it packs one
 *       panel after the other ({@link WeightPanel}, in the first-level cache) and runs all its tiles of {@code x}
 *       (second-level cache) against it;
 *   <li>its sums collect in scratch memory and are copied to {@code out} at the end, so that only that copy knows
 *       about ragged edges.
 * </ul>
 *
 * <p>An element of {@code out} is the sum over k of {@code DEPTH} products at a time, each block in the order of k
 * with fused multiply-adds; blocks are added in order, then the bias. Nothing else enters into it: neither the number
 * of threads nor the width of vectors nor how many other rows {@code x} has.
 */
final class Gemm {

    private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_PREFERRED;

    private static final int LANES = FLOATS.length();

    private static final int TILE = GemmTile.ROWS * GemmTile.A_STRIDE;

    /**
     * Tiles of a task, so that 512 rows are one task: {@code 516 × A_STRIDE} floats are 548 KiB of 1 MiB or more
     * second-level cache.
     */
    private static final int TASK_TILES = 516 / GemmTile.ROWS;

    /** Panels of a task: {@code 516 × 128} sums are 258 KiB. */
    private static final int TASK_PANELS = 128 / GemmTile.WIDTH;

    /** Tasks per thread that let the fast ones make up for the slow ones. */
    private static final int TASKS_PER_THREAD = 4;

    /**
     * Up to this many tiles all of {@code x} stays in the cache: panels are then packed over their whole length, as
     * memory has them.
     */
    private static final int FEW_TILES = 4;

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

        int chunks = ceilDiv(tiles, TASK_TILES);
        int chunkTiles = ceilDiv(tiles, chunks);
        int wanted = ceilDiv(TASKS_PER_THREAD * pool.slots(), chunks);
        int groupPanels = Math.clamp(panels / wanted, 1, TASK_PANELS);
        int groups = ceilDiv(panels, groupPanels);
        pool.forEach(chunks * groups, (task, slot) -> {
            int tile = task / groups * chunkTiles;
            int panel = task % groups * groupPanels;
            Part part = new Part(
                    tile, Math.min(tiles, tile + chunkTiles), tiles, panel, Math.min(panels, panel + groupPanels));
            multiplyPart(part, x, a, w, bias, out, scratch(slot));
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

    private static void multiplyPart(
            Part part, Matrix x, float[] a, Weights w, @Nullable Matrix bias, Matrix out, Scratch scratch) {
        int inputs = x.columns();
        int panelSums = part.tiles() * GemmTile.ROWS * GemmTile.WIDTH;
        scratch.clearSums(part.panels() * panelSums);
        if (part.tiles() <= FEW_TILES) {
            for (int panel = part.panel; panel < part.endPanel; panel++) {
                for (int k = 0; k < inputs; k += GemmTile.DEPTH) {
                    multiplyPanel(part, x.rows(), a, k, w, panel, scratch, (panel - part.panel) * panelSums);
                }
            }
        } else {
            for (int k = 0; k < inputs; k += GemmTile.DEPTH) {
                for (int panel = part.panel; panel < part.endPanel; panel++) {
                    multiplyPanel(part, x.rows(), a, k, w, panel, scratch, (panel - part.panel) * panelSums);
                }
            }
        }
        copyOut(scratch.sums, panelSums, part, bias, out);
    }

    private static void multiplyPanel(
            Part part, int rows, float[] a, int k, Weights w, int panel, Scratch scratch, int sumsFrom) {
        int depth = Math.min(GemmTile.DEPTH, w.columns() - k);
        WeightPanel.pack(w, panel * GemmTile.WIDTH, k, depth, scratch.panel, scratch.squares);
        int from = k / GemmTile.DEPTH * part.allTiles;
        int to = sumsFrom;
        for (int tile = part.tile; tile < part.endTile; tile++, to += GemmTile.ROWS * GemmTile.WIDTH) {
            int tileRows = Math.min(GemmTile.ROWS, rows - tile * GemmTile.ROWS);
            GemmTile.multiplyAdd(tileRows, a, (from + tile) * TILE, scratch.panel, depth, scratch.sums, to);
        }
    }

    /** Row by row, {@code out = sums (+ bias)}; {@code sums} is {@code [panels][rows][WIDTH]}. */
    private static void copyOut(float[] sums, int panelSums, Part part, @Nullable Matrix bias, Matrix out) {
        int firstRow = part.tile * GemmTile.ROWS;
        int endRow = Math.min(out.rows(), part.endTile * GemmTile.ROWS);
        for (int row = firstRow; row < endRow; row++) {
            int from = (row - firstRow) * GemmTile.WIDTH;
            for (int panel = part.panel; panel < part.endPanel; panel++, from += panelSums) {
                int column = panel * GemmTile.WIDTH;
                int columns = Math.min(GemmTile.WIDTH, out.columns() - column);
                int to = out.row(row) + column;
                if (bias == null) {
                    System.arraycopy(sums, from, out.data(), to, columns);
                } else {
                    copyOut(sums, from, bias.data(), bias.offset() + column, out.data(), to, columns);
                }
            }
        }
    }

    private static void copyOut(float[] sums, int from, float[] bias, int biasFrom, float[] out, int to, int count) {
        int j = 0;
        for (int bound = FLOATS.loopBound(count); j < bound; j += LANES) {
            FloatVector.fromArray(FLOATS, sums, from + j)
                    .add(FloatVector.fromArray(FLOATS, bias, biasFrom + j))
                    .intoArray(out, to + j);
        }
        for (; j < count; j++) {
            out[to + j] = sums[from + j] + bias[biasFrom + j];
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
     * @param tile first tile of {@code x}
     * @param endTile end of its tiles
     * @param allTiles tiles of {@code x} in all
     * @param panel first panel of {@code w}
     * @param endPanel end of its panels
     */
    private record Part(int tile, int endTile, int allTiles, int panel, int endPanel) {

        int tiles() {
            return endTile - tile;
        }

        int panels() {
            return endPanel - panel;
        }
    }

    /** Memory of one slot. */
    private static final class Scratch {

        private final float[] panel = new float[GemmTile.DEPTH * GemmTile.WIDTH];
        private final int[] squares = WeightPanel.newSquares();
        private float[] sums = {};

        void clearSums(int count) {
            if (sums.length < count) {
                sums = new float[count];
            } else {
                Arrays.fill(sums, 0, count, 0f);
            }
        }
    }
}
