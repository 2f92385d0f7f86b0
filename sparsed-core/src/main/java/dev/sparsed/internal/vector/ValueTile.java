package dev.sparsed.internal.vector;

import static dev.sparsed.internal.vector.KeyValuePanels.PAIR;
import static dev.sparsed.internal.vector.PanelList.LANES;
import static dev.sparsed.internal.vector.ScoreTile.GROUP;
import static dev.sparsed.internal.vector.ScoreTile.KEY_TILE;
import static dev.sparsed.internal.vector.ScoreTile.WIDE;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The weighted sum of a tile's values: {@code O += P·V}. Every sum adds its keys in ascending order, by fused
 * multiply-add.
 */
final class ValueTile {

    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;

    private ValueTile() {}

    /**
     * Adds the weighted values of a tile.
     *
     * @param weights {@code [QUERY_TILE][KEY_TILE]}
     * @param rows query rows, a multiple of {@link ScoreTile#GROUP}
     * @param values packed values
     * @param head where the values of the head begin
     * @param valuePair floats from one pair of value vectors to the next
     * @param stride floats of an output row, a multiple of {@link KeyValuePanels#PAIR}
     * @param list which keys
     * @param from first panel of the tile in the list
     * @param count panels of the tile
     * @param outputs {@code [rows][stride]}
     */
    static void accumulate(
            float[] weights,
            int rows,
            float[] values,
            int head,
            int valuePair,
            int stride,
            PanelList list,
            int from,
            int count,
            float[] outputs) {
        int[] panels = list.panels();
        int v = head;
        int d = 0;
        if (WIDE) {
            for (; d + 2 * PAIR <= stride; d += 2 * PAIR) {
                for (int row = 0; row < rows; row += GROUP) {
                    int to = row * stride + d;
                    add4(weights, row, values, v, v + valuePair, panels, from, count, outputs, to, stride);
                }
                v += 2 * valuePair;
            }
        }
        for (; d < stride; d += PAIR) {
            for (int row = 0; row < rows; row += GROUP) {
                add2(weights, row, values, v, panels, from, count, outputs, row * stride + d, stride);
            }
            v += valuePair;
        }
    }

    /** 4 rows × 4 vectors of features. */
    private static void add4(
            float[] p,
            int row,
            float[] v,
            int v0,
            int v1,
            int[] panels,
            int from,
            int count,
            float[] o,
            int to,
            int stride) {
        int to1 = to + stride;
        int to2 = to1 + stride;
        int to3 = to2 + stride;
        FloatVector o00 = FloatVector.fromArray(SPECIES, o, to);
        FloatVector o01 = FloatVector.fromArray(SPECIES, o, to + LANES);
        FloatVector o02 = FloatVector.fromArray(SPECIES, o, to + 2 * LANES);
        FloatVector o03 = FloatVector.fromArray(SPECIES, o, to + 3 * LANES);
        FloatVector o10 = FloatVector.fromArray(SPECIES, o, to1);
        FloatVector o11 = FloatVector.fromArray(SPECIES, o, to1 + LANES);
        FloatVector o12 = FloatVector.fromArray(SPECIES, o, to1 + 2 * LANES);
        FloatVector o13 = FloatVector.fromArray(SPECIES, o, to1 + 3 * LANES);
        FloatVector o20 = FloatVector.fromArray(SPECIES, o, to2);
        FloatVector o21 = FloatVector.fromArray(SPECIES, o, to2 + LANES);
        FloatVector o22 = FloatVector.fromArray(SPECIES, o, to2 + 2 * LANES);
        FloatVector o23 = FloatVector.fromArray(SPECIES, o, to2 + 3 * LANES);
        FloatVector o30 = FloatVector.fromArray(SPECIES, o, to3);
        FloatVector o31 = FloatVector.fromArray(SPECIES, o, to3 + LANES);
        FloatVector o32 = FloatVector.fromArray(SPECIES, o, to3 + 2 * LANES);
        FloatVector o33 = FloatVector.fromArray(SPECIES, o, to3 + 3 * LANES);
        for (int i = 0; i < count; i++) {
            int first = panels[from + i] * LANES * PAIR;
            int weight = row * KEY_TILE + i * LANES;
            for (int key = 0; key < LANES; key += 2) {
                int at = first + key * PAIR;
                FloatVector x0 = FloatVector.fromArray(SPECIES, v, v0 + at);
                FloatVector x1 = FloatVector.fromArray(SPECIES, v, v0 + at + LANES);
                FloatVector x2 = FloatVector.fromArray(SPECIES, v, v1 + at);
                FloatVector x3 = FloatVector.fromArray(SPECIES, v, v1 + at + LANES);
                FloatVector y = FloatVector.broadcast(SPECIES, p[weight + key]);
                o00 = x0.fma(y, o00);
                o01 = x1.fma(y, o01);
                o02 = x2.fma(y, o02);
                o03 = x3.fma(y, o03);
                y = FloatVector.broadcast(SPECIES, p[weight + key + KEY_TILE]);
                o10 = x0.fma(y, o10);
                o11 = x1.fma(y, o11);
                o12 = x2.fma(y, o12);
                o13 = x3.fma(y, o13);
                y = FloatVector.broadcast(SPECIES, p[weight + key + 2 * KEY_TILE]);
                o20 = x0.fma(y, o20);
                o21 = x1.fma(y, o21);
                o22 = x2.fma(y, o22);
                o23 = x3.fma(y, o23);
                y = FloatVector.broadcast(SPECIES, p[weight + key + 3 * KEY_TILE]);
                o30 = x0.fma(y, o30);
                o31 = x1.fma(y, o31);
                o32 = x2.fma(y, o32);
                o33 = x3.fma(y, o33);
                at += PAIR;
                x0 = FloatVector.fromArray(SPECIES, v, v0 + at);
                x1 = FloatVector.fromArray(SPECIES, v, v0 + at + LANES);
                x2 = FloatVector.fromArray(SPECIES, v, v1 + at);
                x3 = FloatVector.fromArray(SPECIES, v, v1 + at + LANES);
                y = FloatVector.broadcast(SPECIES, p[weight + key + 1]);
                o00 = x0.fma(y, o00);
                o01 = x1.fma(y, o01);
                o02 = x2.fma(y, o02);
                o03 = x3.fma(y, o03);
                y = FloatVector.broadcast(SPECIES, p[weight + key + 1 + KEY_TILE]);
                o10 = x0.fma(y, o10);
                o11 = x1.fma(y, o11);
                o12 = x2.fma(y, o12);
                o13 = x3.fma(y, o13);
                y = FloatVector.broadcast(SPECIES, p[weight + key + 1 + 2 * KEY_TILE]);
                o20 = x0.fma(y, o20);
                o21 = x1.fma(y, o21);
                o22 = x2.fma(y, o22);
                o23 = x3.fma(y, o23);
                y = FloatVector.broadcast(SPECIES, p[weight + key + 1 + 3 * KEY_TILE]);
                o30 = x0.fma(y, o30);
                o31 = x1.fma(y, o31);
                o32 = x2.fma(y, o32);
                o33 = x3.fma(y, o33);
            }
        }
        o00.intoArray(o, to);
        o01.intoArray(o, to + LANES);
        o02.intoArray(o, to + 2 * LANES);
        o03.intoArray(o, to + 3 * LANES);
        o10.intoArray(o, to1);
        o11.intoArray(o, to1 + LANES);
        o12.intoArray(o, to1 + 2 * LANES);
        o13.intoArray(o, to1 + 3 * LANES);
        o20.intoArray(o, to2);
        o21.intoArray(o, to2 + LANES);
        o22.intoArray(o, to2 + 2 * LANES);
        o23.intoArray(o, to2 + 3 * LANES);
        o30.intoArray(o, to3);
        o31.intoArray(o, to3 + LANES);
        o32.intoArray(o, to3 + 2 * LANES);
        o33.intoArray(o, to3 + 3 * LANES);
    }

    /** 4 rows × 2 vectors of features. */
    private static void add2(
            float[] p, int row, float[] v, int v0, int[] panels, int from, int count, float[] o, int to, int stride) {
        int to1 = to + stride;
        int to2 = to1 + stride;
        int to3 = to2 + stride;
        FloatVector o00 = FloatVector.fromArray(SPECIES, o, to);
        FloatVector o01 = FloatVector.fromArray(SPECIES, o, to + LANES);
        FloatVector o10 = FloatVector.fromArray(SPECIES, o, to1);
        FloatVector o11 = FloatVector.fromArray(SPECIES, o, to1 + LANES);
        FloatVector o20 = FloatVector.fromArray(SPECIES, o, to2);
        FloatVector o21 = FloatVector.fromArray(SPECIES, o, to2 + LANES);
        FloatVector o30 = FloatVector.fromArray(SPECIES, o, to3);
        FloatVector o31 = FloatVector.fromArray(SPECIES, o, to3 + LANES);
        for (int i = 0; i < count; i++) {
            int first = panels[from + i] * LANES * PAIR;
            int weight = row * KEY_TILE + i * LANES;
            for (int key = 0; key < LANES; key++) {
                int at = first + key * PAIR;
                FloatVector x0 = FloatVector.fromArray(SPECIES, v, v0 + at);
                FloatVector x1 = FloatVector.fromArray(SPECIES, v, v0 + at + LANES);
                FloatVector y = FloatVector.broadcast(SPECIES, p[weight + key]);
                o00 = x0.fma(y, o00);
                o01 = x1.fma(y, o01);
                y = FloatVector.broadcast(SPECIES, p[weight + key + KEY_TILE]);
                o10 = x0.fma(y, o10);
                o11 = x1.fma(y, o11);
                y = FloatVector.broadcast(SPECIES, p[weight + key + 2 * KEY_TILE]);
                o20 = x0.fma(y, o20);
                o21 = x1.fma(y, o21);
                y = FloatVector.broadcast(SPECIES, p[weight + key + 3 * KEY_TILE]);
                o30 = x0.fma(y, o30);
                o31 = x1.fma(y, o31);
            }
        }
        o00.intoArray(o, to);
        o01.intoArray(o, to + LANES);
        o10.intoArray(o, to1);
        o11.intoArray(o, to1 + LANES);
        o20.intoArray(o, to2);
        o21.intoArray(o, to2 + LANES);
        o30.intoArray(o, to3);
        o31.intoArray(o, to3 + LANES);
    }
}
