package dev.sparsed.cuda.internal;

/** The 8-bit floats by their definition (arXiv 2209.05433, table 1), as an oracle: all 256 of them, and the nearest by search. */
final class E4m3 {

    private static final double[] VALUES = new double[256];

    static {
        for (int code = 0; code < 256; code++) {
            int exponent = code >> 3 & 15;
            int mantissa = code & 7;
            double magnitude =
                    exponent == 0 ? mantissa / 8.0 * 0x1p-6 : (1 + mantissa / 8.0) * Math.scalb(1.0, exponent - 7);
            VALUES[code] = exponent == 15 && mantissa == 7 ? Double.NaN : code < 128 ? magnitude : -magnitude;
        }
    }

    private E4m3() {}

    /** {@return what a code stands for} */
    static double value(byte code) {
        return VALUES[code & 255];
    }

    /** {@return the nearest value, of two the one with the even code; the largest where there is none larger} */
    static double nearest(double x) {
        int best = 0;
        for (int code = 0; code < 127; code++) {
            double distance = Math.abs(VALUES[code] - Math.abs(x));
            double least = Math.abs(VALUES[best] - Math.abs(x));
            if (distance < least || distance == least && code % 2 == 0) {
                best = code;
            }
        }
        return Math.copySign(VALUES[best], x);
    }

    /**
     * Quantizes rows and widens them again.
     *
     * @param x {@code rows} rows, row-major
     * @return what the quantized rows stand for
     */
    static double[] rounded(float[] x, int rows) {
        double[] rounded = new double[x.length];
        int columns = x.length / rows;
        for (int row = 0; row < rows; row++) {
            float largest = 0;
            for (int i = row * columns; i < (row + 1) * columns; i++) {
                largest = Math.max(largest, Math.abs(x[i]));
            }
            float scale = largest > 0 ? largest / 448 : 1;
            float inverse = 1 / scale;
            for (int i = row * columns; i < (row + 1) * columns; i++) {
                rounded[i] = nearest(x[i] * inverse) * scale;
            }
        }
        return rounded;
    }
}
