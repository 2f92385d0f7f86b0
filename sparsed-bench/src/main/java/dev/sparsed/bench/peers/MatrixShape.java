package dev.sparsed.bench.peers;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One product of a linear layer, {@code [rows, in] · [out, in]ᵀ}.
 *
 * @param rows tokens
 * @param in features in
 * @param out features out
 */
public record MatrixShape(int rows, int in, int out) {

    /** What text shows: 2048³, and 512 tokens through the layers of models of width 1024 and 2048. */
    public static final List<MatrixShape> LAYERS = List.of(
            new MatrixShape(2048, 2048, 2048),
            new MatrixShape(512, 1024, 1024),
            new MatrixShape(512, 1024, 2816),
            new MatrixShape(512, 2816, 1024),
            new MatrixShape(512, 2048, 2048),
            new MatrixShape(512, 2048, 5632),
            new MatrixShape(512, 5632, 2048));

    private static final Pattern TEXT = Pattern.compile("(\\d{1,6})x(\\d{1,6})x(\\d{1,6})");

    /** Checks that all are positive and that arrays can hold the matrices. */
    public MatrixShape {
        if (rows < 1 || in < 1 || out < 1) {
            throw new IllegalArgumentException(
                    "shape " + rows + "x" + in + "x" + out + ": every extent must be at least 1");
        }
        long largest = Math.max((long) in * out, (long) rows * Math.max(in, out));
        if (largest > Integer.MAX_VALUE - 8) {
            throw new IllegalArgumentException("shape " + rows + "x" + in + "x" + out + ": a matrix of " + largest
                    + " elements is larger than an array");
        }
    }

    /**
     * Reads a shape.
     *
     * @param text {@code ROWSxINxOUT}, such as {@code 512x1024x2816}
     * @return the shape
     * @throws IllegalArgumentException if it is none
     */
    public static MatrixShape parse(String text) {
        Matcher matcher = TEXT.matcher(text);
        if (!matcher.matches()) {
            throw new IllegalArgumentException("shape \"" + text + "\": write ROWSxINxOUT, such as 512x1024x2816");
        }
        return new MatrixShape(
                Integer.parseInt(matcher.group(1)),
                Integer.parseInt(matcher.group(2)),
                Integer.parseInt(matcher.group(3)));
    }

    /** {@return floating-point operations of the product, two per multiplication} */
    public double operations() {
        return 2.0 * rows * in * out;
    }

    @Override
    public String toString() {
        return rows + "x" + in + "x" + out;
    }
}
