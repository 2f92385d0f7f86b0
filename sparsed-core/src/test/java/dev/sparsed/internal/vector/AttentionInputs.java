package dev.sparsed.internal.vector;

import static org.assertj.core.api.Assertions.fail;

import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.spi.HeadLayout;
import dev.sparsed.spi.Positions;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;

/** Queries of some rows of a canvas, and the keys and values of all. */
record AttentionInputs(Matrix q, Positions rows, Matrix k, Matrix v, HeadLayout heads) {

    static final int[] LENGTHS = {1, 2, 3, 7, 16, 31, 33, 64, 127, 129, 200, 257, 300};
    static final int[] DIMENSIONS = {1, 2, 5, 16, 24, 64, 80, 128};
    static final int[] BLOCKS = {1, 5, 8, 16, 32, 48, 64, 128, 200};

    /** Unit roundoff of float32. */
    private static final double EPSILON = 0x1p-24;

    static AttentionInputs random(Random random, int length, HeadLayout heads, int[] rows, double magnitude) {
        return new AttentionInputs(
                gaussian(random, rows.length, heads.queryColumns(), magnitude),
                Positions.of(rows),
                gaussian(random, length, heads.keyValueColumns(), magnitude),
                gaussian(random, length, heads.keyValueColumns(), 1),
                heads);
    }

    AttentionOracle oracle() {
        return new AttentionOracle(q, k, v, heads);
    }

    Matrix out() {
        return surrounded(rows.count(), heads.queryColumns());
    }

    Matrix logSumExp() {
        return surrounded(rows.count(), heads.queryHeads());
    }

    /**
     * Error of a score, and so of a logarithm of a probability: D roundings of terms as large as the largest
     * score.
     */
    double scoreError(double[][] scores) {
        double largest = Arrays.stream(scores)
                .flatMapToDouble(Arrays::stream)
                .map(Math::abs)
                .max()
                .orElseThrow();
        return EPSILON * (8 + Math.sqrt(heads.headDim())) * (1 + largest);
    }

    /** Error of an output: that of the probabilities, and a rounding for every key, on values up to about 5. */
    double outputError(double[][] scores) {
        return 5 * (4 * scoreError(scores) + EPSILON * (8 + Math.sqrt(k.rows())));
    }

    /** A matrix within a larger array of NaN: reading beside it spoils the result. */
    private static Matrix surrounded(int rows, int columns) {
        float[] data = new float[rows * columns + 40];
        Arrays.fill(data, Float.NaN);
        return new Matrix(data, 19, rows, columns);
    }

    private static Matrix gaussian(Random random, int rows, int columns, double magnitude) {
        Matrix matrix = surrounded(rows, columns);
        for (int i = 0; i < rows * columns; i++) {
            matrix.data()[matrix.offset() + i] = (float) (magnitude * random.nextGaussian());
        }
        return matrix;
    }

    static void assertNothingWrittenBeside(Matrix matrix) {
        int end = matrix.offset() + matrix.rows() * matrix.columns();
        for (int i = 0; i < matrix.data().length; i++) {
            if (Float.isNaN(matrix.data()[i]) != (i < matrix.offset() || i >= end)) {
                fail("element " + i + " of " + matrix + " is " + matrix.data()[i]);
            }
        }
    }

    static int[] all(int length) {
        return IntStream.range(0, length).toArray();
    }

    static int[] some(Random random, int length) {
        int[] rows =
                IntStream.range(0, length).filter(i -> random.nextInt(4) == 0).toArray();
        return rows.length > 0 ? rows : new int[] {random.nextInt(length)};
    }

    static int any(Random random, int[] values) {
        return values[random.nextInt(values.length)];
    }

    static HeadLayout heads(Random random) {
        int keyValueHeads = 1 + random.nextInt(2);
        return new HeadLayout(keyValueHeads * (1 + random.nextInt(2)), keyValueHeads, any(random, DIMENSIONS));
    }
}
