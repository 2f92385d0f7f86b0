package dev.sparsed.internal.cpu;

import dev.sparsed.spi.GreedyCandidates;

/**
 * Margin and entropy of the softmax of rows of logits, in float64. One thread: few rows, and only for samplers and commit rules that ask.
 */
final class RowStatistics {

    private RowStatistics() {}

    /**
     * Fills in what of margins and entropies is wanted.
     *
     * @param logits {@code [rows, vocabulary]}
     * @param candidates receives them
     */
    static void fill(Matrix logits, GreedyCandidates candidates) {
        float[] margins = candidates.margins();
        float[] negativeEntropies = candidates.negativeEntropies();
        if (margins == null && negativeEntropies == null) {
            return;
        }
        for (int row = 0; row < logits.rows(); row++) {
            double first = Double.NEGATIVE_INFINITY;
            double second = Double.NEGATIVE_INFINITY;
            for (int i = logits.row(row); i < logits.row(row) + logits.columns(); i++) {
                float z = logits.data()[i];
                second = Math.max(second, Math.min(first, z));
                first = Math.max(first, z);
            }
            double logSumExp = logSumExp(logits, row, first);
            if (margins != null) {
                margins[row] = (float) (Math.exp(first - logSumExp) - Math.exp(second - logSumExp));
            }
            if (negativeEntropies != null) {
                negativeEntropies[row] = (float) negativeEntropy(logits, row, logSumExp);
            }
        }
    }

    private static double logSumExp(Matrix logits, int row, double max) {
        double sum = 0;
        for (int i = logits.row(row); i < logits.row(row) + logits.columns(); i++) {
            sum += Math.exp(logits.data()[i] - max);
        }
        return max + Math.log(sum);
    }

    private static double negativeEntropy(Matrix logits, int row, double logSumExp) {
        double sum = 0;
        for (int i = logits.row(row); i < logits.row(row) + logits.columns(); i++) {
            double p = Math.exp(logits.data()[i] - logSumExp);
            sum += p * Math.log(p + GreedyCandidates.EPSILON);
        }
        return sum;
    }
}
