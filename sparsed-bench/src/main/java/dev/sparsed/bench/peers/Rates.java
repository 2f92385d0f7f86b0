package dev.sparsed.bench.peers;

import java.util.Arrays;

/** How fast something was in every round, in GFLOP/s. */
final class Rates {

    private double[] values = {};

    /**
     * Adds a round.
     *
     * @param rate GFLOP/s
     */
    void add(double rate) {
        values = Arrays.copyOf(values, values.length + 1);
        values[values.length - 1] = rate;
    }

    /** {@return the fastest round; NaN if there was none} */
    double best() {
        return Arrays.stream(values).max().orElse(Double.NaN);
    }

    /** {@return the median round, the mean of the middle two if their number is even; NaN if there was none} */
    double median() {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        if (sorted.length == 0) {
            return Double.NaN;
        }
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
