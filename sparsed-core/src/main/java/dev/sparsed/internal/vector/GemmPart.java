package dev.sparsed.internal.vector;

import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.Weights;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * What one task of {@link Gemm} computes, with the memory of one thread: some tiles of {@code x} times some panels of
 * {@code w}. Its sums collect in scratch memory; the last {@link GemmTile#DEPTH} columns bring whole tiles straight to
 * {@code out}, so that only the rest knows about ragged edges.
 */
final class GemmPart {

    /** Floats of a tile of the copied {@code x}. */
    static final int TILE = GemmTile.DEPTH * GemmTile.ROWS;

    /** Tiles that stay in the cache together: 258 rows of {@code DEPTH} floats are 258 KiB. */
    static final int BLOCK_TILES = 258 / GemmTile.ROWS;

    /** Most tiles; the more, the less packing. The sums of 2,064 rows and 128 columns are 1 MiB. */
    static final int MOST_TILES = 8 * BLOCK_TILES;

    /** Most panels: {@code DEPTH × 128} packed weights are 128 KiB. */
    static final int MOST_PANELS = Math.max(1, 128 / GemmTile.WIDTH);

    private static final int TILE_SUMS = GemmTile.ROWS * GemmTile.WIDTH;

    /**
     * Up to this many tiles all of {@code x} stays in the cache: panels are then packed over their whole length, as
     * memory has them.
     */
    private static final int FEW_TILES = 8;

    private final MemorySegment[] panels = new MemorySegment[MOST_PANELS];
    private final MemorySegment squares = WeightPanel.newSquares();
    private float[] sums = {};

    private float[] a = {};
    private int allTiles;
    private int firstRow;
    private int tile;
    private int endTile;
    private int panel;
    private int endPanel;

    /** Allocates what does not depend on the size of a product. */
    GemmPart() {
        Arrays.setAll(panels, i -> GemmTile.newPanel());
    }

    /**
     * Chooses the tiles.
     *
     * @param copied {@code x} as {@code [blocks][tiles][DEPTH][ROWS]}
     * @param tiles tiles of {@code copied}
     * @param row row of {@code out} at which the first of them begins
     * @param from first tile to multiply
     * @param to end of the tiles
     */
    void rows(float[] copied, int tiles, int row, int from, int to) {
        a = copied;
        allTiles = tiles;
        firstRow = row;
        tile = from;
        endTile = to;
    }

    /**
     * Multiplies the chosen tiles.
     *
     * @param w the weights
     * @param from first panel
     * @param to end of the panels, at most {@link #MOST_PANELS} later
     * @param out receives the products
     */
    void multiply(Weights w, int from, int to, Matrix out) {
        panel = from;
        endPanel = to;
        clearSums((endTile - tile) * (endPanel - panel) * TILE_SUMS);
        if (endTile - tile <= FEW_TILES) {
            for (int p = panel; p < endPanel; p++) {
                for (int k = 0; k < w.columns(); k += GemmTile.DEPTH) {
                    multiplyBlock(k, w, p, p + 1, out);
                }
            }
        } else {
            for (int k = 0; k < w.columns(); k += GemmTile.DEPTH) {
                multiplyBlock(k, w, panel, endPanel, out);
            }
        }
    }

    private void clearSums(int count) {
        if (sums.length < count) {
            sums = new float[count];
        } else {
            Arrays.fill(sums, 0, count, 0f);
        }
    }

    /** The columns {@code k … k + DEPTH − 1} of some panels. */
    private void multiplyBlock(int k, Weights w, int fromPanel, int toPanel, Matrix out) {
        int depth = Math.min(GemmTile.DEPTH, w.columns() - k);
        for (int p = fromPanel; p < toPanel; p++) {
            WeightPanel.pack(w, p * GemmTile.WIDTH, k, depth, panels[p - fromPanel], squares);
        }
        boolean last = k + depth == w.columns();
        for (int from = tile; from < endTile; from += BLOCK_TILES) {
            int to = Math.min(endTile, from + BLOCK_TILES);
            for (int p = fromPanel; p < toPanel; p++) {
                multiplyTiles(from, to, k, depth, last, panels[p - fromPanel], p, out);
            }
        }
    }

    /** Some tiles times one packed panel. */
    private void multiplyTiles(
            int from, int to, int k, int depth, boolean last, MemorySegment packed, int p, Matrix out) {
        int column = p * GemmTile.WIDTH;
        boolean direct = last && column + GemmTile.WIDTH <= out.columns();
        for (int t = from; t < to; t++) {
            int x = (k / GemmTile.DEPTH * allTiles + t) * TILE;
            int at = ((p - panel) * (endTile - tile) + t - tile) * TILE_SUMS; // [panels][tiles][ROWS][WIDTH]
            int row = firstRow + t * GemmTile.ROWS;
            if (direct && row + GemmTile.ROWS <= out.rows()) {
                GemmTile.multiplyAdd(a, x, packed, depth, sums, at, out.data(), out.row(row) + column, out.columns());
            } else {
                GemmTile.multiplyAdd(a, x, packed, depth, sums, at, sums, at, GemmTile.WIDTH);
                if (last) {
                    GemmEdges.copyOut(sums, at, out, row, column);
                }
            }
        }
    }
}
