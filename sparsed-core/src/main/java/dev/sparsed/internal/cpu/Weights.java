package dev.sparsed.internal.cpu;

import dev.sparsed.spi.DType;
import dev.sparsed.spi.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Objects;

/**
 * A weight matrix where the checkpoint has it: row-major, little-endian, F32, F16 or BF16, usually mapped from a file and never copied.
 *
 * @param data {@code rows × columns} elements
 * @param dtype F32, F16 or BF16
 * @param rows output features
 * @param columns input features
 */
public record Weights(MemorySegment data, DType dtype, int rows, int columns) implements Tensor {

    /** Little-endian float without an alignment demand: safetensors aligns nothing. */
    public static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** Little-endian short without an alignment demand. */
    public static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** Checks dtype and size. */
    public Weights {
        if (!dtype.isFloat()) {
            throw new IllegalArgumentException("weights of type " + dtype + ": must be F32, F16 or BF16");
        }
        if (data.byteSize() != (long) rows * columns * dtype.bytes()) {
            throw new IllegalArgumentException(dtype + " weights [" + rows + ", " + columns + "] need "
                    + (long) rows * columns * dtype.bytes() + " bytes, the segment has " + data.byteSize());
        }
    }

    /**
     * One element, widened to float32.
     *
     * @param index row-major element index, 0 … rows · columns − 1
     * @return its value
     */
    public float get(long index) {
        return switch (dtype) {
            case F32 -> data.get(FLOAT, index * Float.BYTES);
            case F16 -> Float.float16ToFloat(data.get(SHORT, index * Short.BYTES));
            case BF16 -> Float.intBitsToFloat(data.get(SHORT, index * Short.BYTES) << Short.SIZE);
            case I64, U8 -> throw new IllegalStateException("not a weight type: " + dtype);
        };
    }

    @Override
    public Weights slice(int from, int count) {
        Objects.checkFromIndexSize(from, count, rows);
        long rowBytes = (long) columns * dtype.bytes();
        return new Weights(data.asSlice(from * rowBytes, count * rowBytes), dtype, count, columns);
    }
}
