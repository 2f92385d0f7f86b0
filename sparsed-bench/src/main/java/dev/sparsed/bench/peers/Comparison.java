package dev.sparsed.bench.peers;

import dev.sparsed.spi.DType;
import java.util.Locale;

/**
 * One row of the table: our product beside OpenBLAS's, which always has float32 weights.
 *
 * @param shape the product
 * @param threads threads of both
 * @param weights type of our weights
 * @param ours our rounds
 * @param theirs OpenBLAS's rounds
 * @param peak rounds of fused multiply-adds on registers
 */
record Comparison(MatrixShape shape, int threads, DType weights, Rates ours, Rates theirs, Rates peak) {

    private static final String ROW = "%-16s %7s %7s %15s %15s %8s %8s %8s";

    /** {@return the head of the table} */
    static String head() {
        return String.format(
                Locale.ROOT,
                ROW,
                "rows x in x out",
                "threads",
                "weights",
                "ours best/med.",
                "OpenBLAS b./m.",
                "ratio m.",
                "ratio b.",
                "of peak");
    }

    /** {@return this row, without line end} */
    String row() {
        return String.format(
                Locale.ROOT,
                ROW,
                shape,
                threads,
                weights.name().toLowerCase(Locale.ROOT),
                rates(ours),
                rates(theirs),
                ratio(ours.median() / theirs.median()),
                ratio(ours.best() / theirs.best()),
                ratio(ours.median() / peak.median()));
    }

    private static String rates(Rates rates) {
        return String.format(Locale.ROOT, "%.1f / %.1f", rates.best(), rates.median());
    }

    private static String ratio(double ratio) {
        return String.format(Locale.ROOT, "%.3f", ratio);
    }
}
