package dev.sparsed.internal.vector;

import dev.sparsed.attention.BlockPattern;
import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.spi.HeadLayout;
import java.util.Arrays;

/**
 * Attention and block selection in float64 from their definitions (SparseD, arXiv 2509.24014, §3): whole score
 * matrices, one entry at a time, nothing shared with the kernels under test but the arguments.
 *
 * @param q {@code [R, queryHeads × headDim]}
 * @param k {@code [N, keyValueHeads × headDim]}
 * @param v {@code [N, keyValueHeads × headDim]}
 * @param heads head layout
 */
record AttentionOracle(Matrix q, Matrix k, Matrix v, HeadLayout heads) {

    /** {@code Q·Kᵀ/√D} of one head, {@code [R][N]}. */
    double[][] scores(int head) {
        double[][] queries = rows(q, head);
        double[][] keys = rows(k, head / heads.group());
        double[][] scores = new double[q.rows()][k.rows()];
        for (int r = 0; r < q.rows(); r++) {
            for (int c = 0; c < k.rows(); c++) {
                double dot = 0;
                for (int d = 0; d < heads.headDim(); d++) {
                    dot += queries[r][d] * keys[c][d];
                }
                scores[r][c] = dot / Math.sqrt(heads.headDim());
            }
        }
        return scores;
    }

    /** One head of a matrix, {@code [rows][D]}. */
    private double[][] rows(Matrix matrix, int head) {
        double[][] rows = new double[matrix.rows()][heads.headDim()];
        for (int i = 0; i < matrix.rows(); i++) {
            for (int d = 0; d < heads.headDim(); d++) {
                rows[i][d] = matrix.data()[matrix.offset() + i * matrix.columns() + head * heads.headDim() + d];
            }
        }
        return rows;
    }

    /** {@code ln Σ_c exp(s[c])} over the columns from {@code from} on. */
    static double logSumExp(double[] scores, int from) {
        double max = Double.NEGATIVE_INFINITY;
        for (int c = from; c < scores.length; c++) {
            max = Math.max(max, scores[c]);
        }
        double sum = 0;
        for (int c = from; c < scores.length; c++) {
            sum += Math.exp(scores[c] - max);
        }
        return max + Math.log(sum);
    }

    /** {@code softmax(scores)·V} of one head, {@code [R][D]}. */
    double[][] attend(double[][] scores, int head) {
        double[][] values = rows(v, head / heads.group());
        double[][] out = new double[q.rows()][heads.headDim()];
        for (int r = 0; r < q.rows(); r++) {
            double lse = logSumExp(scores[r], 0);
            for (int c = 0; c < k.rows(); c++) {
                double p = Math.exp(scores[r][c] - lse);
                for (int d = 0; d < heads.headDim(); d++) {
                    out[r][d] += p * values[c][d];
                }
            }
        }
        return out;
    }

    /** Sets the scores of dropped key blocks to −∞; row r of the scores is canvas position {@code positions[r]}. */
    static void dropBlocks(double[][] scores, int[] positions, BlockPattern pattern, int head) {
        int size = pattern.layout().blockSize();
        for (int r = 0; r < scores.length; r++) {
            for (int c = 0; c < scores[r].length; c++) {
                if (!pattern.isKept(head, positions[r] / size, c / size)) {
                    scores[r][c] = Double.NEGATIVE_INFINITY;
                }
            }
        }
    }

    /** Which key blocks a query block keeps, and how clearly: what a float32 selection may differ in. */
    record Choice(boolean[] kept, double margin) {}

    /**
     * Isolated selection of one head and query block, §3.1.
     *
     * @param scores of the head, all rows of the canvas
     * @param generationLength G
     * @param size B
     * @param ratio ρ
     */
    static Choice select(double[][] scores, int queryBlock, int generationLength, int size, double ratio) {
        return select(scores, queryBlock, generationLength, size, (importance, first) -> top(importance, first, ratio));
    }

    /** Which of the entries from {@code first} on are taken. */
    interface Taking {
        Choice of(double[] importance, int first);
    }

    /** Isolated selection with any budget. */
    static Choice select(double[][] scores, int queryBlock, int generationLength, int size, Taking taking) {
        int n = scores.length;
        int blocks = (n + size - 1) / size;
        int g = 0;
        while (g < blocks - 1 && n - g * size > generationLength) {
            g++;
        }
        double[] all = importance(scores, queryBlock, size, 0, blocks);
        double[] generation = importance(scores, queryBlock, size, g, blocks);
        Choice overall = taking.of(all, 0);
        Choice isolated = taking.of(generation, g);
        boolean[] kept = isolated.kept.clone();
        for (int block = 0; block < g; block++) {
            kept[block] = overall.kept[block];
        }
        return new Choice(kept, Math.min(overall.margin, isolated.margin));
    }

    /**
     * Σ over the query block's rows and each key block's columns of the softmax over the keys from block {@code first}
     * on, over B².
     */
    private static double[] importance(double[][] scores, int queryBlock, int size, int first, int blocks) {
        double[] importance = new double[blocks];
        for (int r = queryBlock * size; r < Math.min(scores.length, (queryBlock + 1) * size); r++) {
            double lse = logSumExp(scores[r], first * size);
            for (int c = first * size; c < scores[r].length; c++) {
                importance[c / size] += Math.exp(scores[r][c] - lse) / ((double) size * size);
            }
        }
        return importance;
    }

    /**
     * The k = min(count, max(1, ⌊count·ρ⌋ + 1)) largest of the {@code count} entries from {@code first} on, ties to
     * the lower index.
     */
    static Choice top(double[] importance, int first, double ratio) {
        int count = importance.length - first;
        int budget = Math.min(count, Math.max(1, (int) Math.floor(count * ratio) + 1));
        boolean[] kept = new boolean[importance.length];
        double last = 0;
        for (int taken = 0; taken <= budget; taken++) {
            int best = -1;
            for (int block = first; block < importance.length; block++) {
                if (!kept[block] && (best < 0 || importance[block] > importance[best])) {
                    best = block;
                }
            }
            if (taken == budget) {
                return new Choice(kept, best < 0 ? 1 : (last - importance[best]) / last);
            }
            kept[best] = true;
            last = importance[best];
        }
        throw new AssertionError("not reached");
    }

    /**
     * The largest entries from {@code first} on, one at a time, until they add up to {@code coverage} of all: at least {@code floor} and at most
     * {@code cap} of them, each counted as k is above. The margin is the least of: how far the sum is from the coverage where it decides, and how
     * far the last taken is from the first that is not.
     */
    static Choice covering(double[] importance, int first, double coverage, double floor, double cap) {
        int count = importance.length - first;
        int least = Math.min(count, (int) Math.floor(count * floor) + 1);
        int most = Math.min(count, (int) Math.floor(count * cap) + 1);
        double total = Arrays.stream(importance).skip(first).sum();
        boolean[] kept = new boolean[importance.length];
        double margin = 1;
        double sum = 0;
        double last = 0;
        for (int taken = 0; ; taken++) {
            int best = -1;
            for (int block = first; block < importance.length; block++) {
                if (!kept[block] && (best < 0 || importance[block] > importance[best])) {
                    best = block;
                }
            }
            if (taken >= least && taken < most) {
                margin = Math.min(margin, Math.abs(sum - coverage * total) / total);
            }
            if (taken == most || taken >= least && sum >= coverage * total) {
                return new Choice(kept, best < 0 ? margin : Math.min(margin, (last - importance[best]) / last));
            }
            kept[best] = true;
            last = importance[best];
            sum += last;
        }
    }
}
