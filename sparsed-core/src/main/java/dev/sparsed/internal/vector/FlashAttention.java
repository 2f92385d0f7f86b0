package dev.sparsed.internal.vector;

import static dev.sparsed.internal.vector.PanelList.LANES;
import static dev.sparsed.internal.vector.QueryTiles.LOG2_E;
import static dev.sparsed.internal.vector.ScoreTile.KEY_TILE;
import static dev.sparsed.internal.vector.ScoreTile.QUERY_TILE;
import static dev.sparsed.internal.vector.ScoreTile.TILE_PANELS;

import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.spi.HeadLayout;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * FlashAttention (arXiv 2205.14135) of one tile of queries over any list of keys, with the scratch memory of one
 * thread, to base 2: scores are s·log₂e. Keys come in tiles of {@link ScoreTile#KEY_TILE}; with a shift m, the sum l and
 * the output O of a row, a tile with scores s changes them to
 * <pre>
 *   p = 2^(s − m)    l' = l + Σ p    O' = O + p·V
 * </pre>
 * and the result is O / l. The shift is the largest score of the first tile, rounded. It changes to that of a later tile
 * only where that is greater by {@link #HEADROOM}, and l and O are multiplied by 2^(m − m'): a row's scores seldom differ
 * by so much, and p may as well be up to 2^16. What a row gets depends on its own queries and on the list of keys, not
 * on the other rows of the tile.
 */
final class FlashAttention {

    private static final float HEADROOM = 16;

    private final float[] scores = new float[QUERY_TILE * KEY_TILE];
    private final float[] shift = new float[QUERY_TILE];

    /** {@code [QUERY_TILE][LANES]}: the sum of a row is that of its lanes. */
    private final float[] sums = new float[QUERY_TILE * LANES];

    private float[] queries = new float[0];
    private float[] outputs = new float[0];
    private int firstRow;
    private int rows;
    private int head;
    private HeadLayout heads = new HeadLayout(1, 1, 2);
    private KeyValuePanels packed = new KeyValuePanels();

    /**
     * Begins some rows of one head; {@link #add} follows.
     *
     * @param q {@code [R, queryHeads × headDim]}
     * @param firstRow first row
     * @param rows how many, 1 … {@link ScoreTile#QUERY_TILE}
     * @param head query head
     * @param heads head layout
     * @param packed the keys and values of the head
     */
    void begin(Matrix q, int firstRow, int rows, int head, HeadLayout heads, KeyValuePanels packed) {
        this.firstRow = firstRow;
        this.rows = rows;
        this.head = head;
        this.heads = heads;
        this.packed = packed;
        int headDim = heads.headDim();
        int dim = ScoreTile.evenDim(headDim);
        int stride = KeyValuePanels.paddedDim(headDim);
        int padded = ScoreTile.paddedRows(rows);
        if (queries.length < QUERY_TILE * dim) {
            queries = new float[QUERY_TILE * dim];
            outputs = new float[QUERY_TILE * stride];
        }
        Arrays.fill(shift, 0, padded, Float.NEGATIVE_INFINITY);
        Arrays.fill(sums, 0, padded * LANES, 0);
        Arrays.fill(outputs, 0, padded * stride, 0);
        QueryTiles.pack(q, firstRow, rows, head * headDim, headDim, queries);
    }

    /**
     * Attends to some keys.
     *
     * @param list the keys, padded to pairs
     * @param blocks receives the sums of key blocks, or null
     */
    void add(PanelList list, @Nullable BlockSums blocks) {
        int dim = ScoreTile.evenDim(heads.headDim());
        int stride = KeyValuePanels.paddedDim(heads.headDim());
        int padded = ScoreTile.paddedRows(rows);
        int keyHead = head / heads.group();
        for (int from = 0; from < list.count(); from += TILE_PANELS) {
            int count = Math.min(TILE_PANELS, list.count() - from);
            ScoreTile.compute(queries, padded, packed.keys(), packed.keys(keyHead), dim, list, from, count, scores);
            raiseShifts(padded, count * LANES, stride, blocks);
            TileSoftmax.exponentiate(scores, padded, count * LANES, shift, sums);
            if (blocks != null) {
                blocks.add(scores, list, from, count);
            }
            ValueTile.accumulate(
                    scores,
                    padded,
                    packed.values(),
                    packed.values(keyHead),
                    packed.valuePair(),
                    stride,
                    list,
                    from,
                    count,
                    outputs);
        }
    }

    /**
     * Writes the results, after at least one key.
     *
     * @param out {@code [R, queryHeads × headDim]}
     * @param logSumExp {@code [R, queryHeads]} or null
     */
    void end(Matrix out, @Nullable Matrix logSumExp) {
        int headDim = heads.headDim();
        int stride = KeyValuePanels.paddedDim(headDim);
        for (int row = 0; row < rows; row++) {
            double sum = TileSoftmax.sum(sums, row * LANES);
            int to = out.row(firstRow + row) + head * headDim;
            TileSoftmax.scale(outputs, row * stride, headDim, (float) (1 / sum), out.data(), to);
            if (logSumExp != null) {
                logSumExp.data()[logSumExp.row(firstRow + row) + head] = (float) (shift[row] / LOG2_E + Math.log(sum));
            }
        }
    }

    /** {@return m of every row} */
    float[] shift() {
        return shift;
    }

    /** {@return {@code [QUERY_TILE][LANES]}: l of every row, in lanes} */
    float[] sums() {
        return sums;
    }

    /** Raises the shifts that a tile's scores exceed too far, and rescales what was summed so far. */
    private void raiseShifts(int rows, int columns, int stride, @Nullable BlockSums blocks) {
        for (int row = 0; row < rows; row++) {
            float old = shift[row];
            if (TileSoftmax.exceeds(scores, row, columns, old + HEADROOM)) {
                shift[row] = (float) Math.rint(TileSoftmax.max(scores, row, columns));
                if (old != Float.NEGATIVE_INFINITY) {
                    float factor = (float) Math.pow(2, (double) old - shift[row]);
                    TileSoftmax.scale(sums, row * LANES, LANES, factor);
                    TileSoftmax.scale(outputs, row * stride, stride, factor);
                    if (blocks != null && row < this.rows) {
                        blocks.rescale(row, factor);
                    }
                }
            }
        }
    }
}
