package dev.sparsed.bench.peers;

import dev.sparsed.bench.Median;
import java.util.Arrays;
import java.util.stream.IntStream;

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

    /**
     * {@return how many times faster than another: the median of the ratios of the same rounds, which moves less than the ratio of the medians
     * where a machine is slower for some of them; NaN if there was no round}
     *
     * @param other of as many rounds
     */
    double times(Rates other) {
        if (other.values.length != values.length) {
            throw new IllegalArgumentException(values.length + " rounds, the other has " + other.values.length);
        }
        return Median.of(IntStream.range(0, values.length).mapToDouble(i -> values[i] / other.values[i]));
    }
}
