package dev.sparsed.internal.vector;

import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.Weights;
import dev.sparsed.spi.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;

/** Seeded inputs of kernel tests. */
final class Samples {

    private Samples() {}

    /**
     * A matrix of Gaussian values that begins and ends inside its array, whose other elements are NaN: reading past it
     * shows.
     */
    static Matrix matrix(Random random, int rows, int columns) {
        int before = 1 + random.nextInt(20);
        float[] data = new float[before + rows * columns + random.nextInt(20)];
        Arrays.fill(data, Float.NaN);
        for (int i = 0; i < rows * columns; i++) {
            data[before + i] = (float) random.nextGaussian();
        }
        return new Matrix(data, before, rows, columns);
    }

    /** A copy with an array of its own. */
    static Matrix copy(Matrix matrix) {
        return new Matrix(matrix.data().clone(), matrix.offset(), matrix.rows(), matrix.columns());
    }

    /** The elements without what surrounds them. */
    static float[] elements(Matrix matrix) {
        return Arrays.copyOfRange(matrix.data(), matrix.offset(), matrix.offset() + matrix.rows() * matrix.columns());
    }

    /** Whether what surrounds the elements is still NaN. */
    static boolean surroundingsUntouched(Matrix matrix) {
        for (int i = 0; i < matrix.data().length; i++) {
            boolean inside = i >= matrix.offset() && i < matrix.offset() + matrix.rows() * matrix.columns();
            if (!inside && !Float.isNaN(matrix.data()[i])) {
                return false;
            }
        }
        return true;
    }

    /** Gaussian weights at an odd address, as a checkpoint may have them. */
    static Weights weights(Random random, DType dtype, int rows, int columns) {
        long bytes = (long) rows * columns * dtype.bytes();
        MemorySegment data = Arena.ofAuto().allocate(bytes + 1, 8).asSlice(1);
        for (long i = 0; i < (long) rows * columns; i++) {
            float value = (float) random.nextGaussian();
            switch (dtype) {
                case F32 -> data.set(Weights.FLOAT, 4 * i, value);
                case BF16 -> data.set(Weights.SHORT, 2 * i, (short) (Float.floatToRawIntBits(value) >>> 16));
                case F16 -> data.set(Weights.SHORT, 2 * i, Float.floatToFloat16(value));
                case I64, U8 -> throw new IllegalArgumentException("not a weight type: " + dtype);
            }
        }
        return new Weights(data, dtype, rows, columns);
    }
}
