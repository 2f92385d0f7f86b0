package dev.sparsed.bench.peers;

import dev.sparsed.bench.Median;
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
        return Median.of(Arrays.stream(values));
    }
}
