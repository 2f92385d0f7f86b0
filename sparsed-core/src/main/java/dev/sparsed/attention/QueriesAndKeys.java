package dev.sparsed.attention;

import java.util.Arrays;

/**
 * A layer's queries and keys on the host, after RoPE.
 *
 * @param canvasLength N
 * @param queryHeads query heads
 * @param keyValueHeads heads of the keys, a divisor of {@code queryHeads}: as many consecutive query heads share one
 * @param headDim D
 * @param queries {@code [N, queryHeads × headDim]}, row-major; not copied
 * @param keys {@code [N, keyValueHeads × headDim]}, row-major; not copied
 */
public record QueriesAndKeys(
        int canvasLength, int queryHeads, int keyValueHeads, int headDim, float[] queries, float[] keys) {

    /** Checks the lengths. */
    public QueriesAndKeys {
        if (queries.length != canvasLength * queryHeads * headDim
                || keys.length != canvasLength * keyValueHeads * headDim
                || queryHeads % keyValueHeads != 0) {
            throw new IllegalArgumentException(queries.length + " query and " + keys.length + " key values do not make "
                    + canvasLength + " rows of " + queryHeads + " and " + keyValueHeads + " heads of " + headDim);
        }
    }

    /** {@return ⌈N/S⌉, the groups of S consecutive rows; where the last one is not full, zeros take the place of what it lacks} */
    int groups(int stride) {
        return Math.ceilDiv(canvasLength, stride);
    }

    /** {@return {@code [S × D, groups]}: column c holds the rows cS … cS + S − 1 of the keys that a query head reads} */
    float[] groupedKeys(int head, int stride) {
        int groups = groups(stride);
        int column = head / (queryHeads / keyValueHeads) * headDim;
        float[] grouped = new float[stride * headDim * groups];
        for (int row = 0; row < canvasLength; row++) {
            for (int d = 0; d < headDim; d++) {
                grouped[(row % stride * headDim + d) * groups + row / stride] =
                        keys[row * keyValueHeads * headDim + column + d];
            }
        }
        return grouped;
    }

    /**
     * The softmax over the sums of scores along the antidiagonals of S × S tiles: Σ_s q[gS + S − 1 − s]·k[cS + s] / (S·√D) for every group c of
     * keys. With S = 1, the attention of a row.
     *
     * @param head query head
     * @param group g, the group of queries
     * @param stride S
     * @param groupedKeys {@link #groupedKeys} for the same head and stride
     * @param weights {@code [groups]}, overwritten
     */
    void antidiagonalWeights(int head, int group, int stride, float[] groupedKeys, float[] weights) {
        Arrays.fill(weights, 0);
        float scale = (float) (1 / (stride * Math.sqrt(headDim)));
        for (int s = 0; s < stride; s++) {
            int row = group * stride + stride - 1 - s;
            if (row < canvasLength) {
                int from = (row * queryHeads + head) * headDim;
                for (int d = 0; d < headDim; d++) {
                    addScaled(weights, queries[from + d] * scale, groupedKeys, (s * headDim + d) * weights.length);
                }
            }
        }
        softmax(weights);
    }

    private static void addScaled(float[] sums, float factor, float[] values, int from) {
        for (int i = 0; i < sums.length; i++) {
            sums[i] += factor * values[from + i];
        }
    }

    private static void softmax(float[] scores) {
        float max = Float.NEGATIVE_INFINITY;
        for (float score : scores) {
            max = Math.max(max, score);
        }
        double sum = 0;
        for (int i = 0; i < scores.length; i++) {
            scores[i] = (float) Math.exp(scores[i] - max);
            sum += scores[i];
        }
        for (int i = 0; i < scores.length; i++) {
            scores[i] = (float) (scores[i] / sum);
        }
    }
}
