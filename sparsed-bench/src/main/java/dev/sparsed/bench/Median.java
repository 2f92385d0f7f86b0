package dev.sparsed.bench;

import java.util.Collection;
import java.util.stream.DoubleStream;

/** The middle of some measurements, which one that had to wait for the machine does not move. */
public final class Median {

    private Median() {}

    /** {@return the middle value, the mean of the middle two if their number is even; NaN if there is none} */
    public static double of(DoubleStream values) {
        double[] sorted = values.sorted().toArray();
        return sorted.length == 0 ? Double.NaN : (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2;
    }

    /** {@return the same of numbers in a collection} */
    public static double of(Collection<? extends Number> values) {
        return of(values.stream().mapToDouble(Number::doubleValue));
    }
}
