package dev.sparsed.cuda.internal;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.HostTensor;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Random;

/** Inputs of kernel tests: values that a type holds exactly, matrices of them, patterns. */
final class Samples {

    private Samples() {}

    /** {@return a bf16 number close by: cut off, not rounded, for any will do} */
    static float bf16(float value) {
        return Float.intBitsToFloat(Float.floatToRawIntBits(value) & 0xffff0000);
    }

    /** {@return values as a type has them, F32, F16 or BF16; it has to hold them exactly} */
    static MemorySegment encoded(float[] values, DType dtype) {
        if (dtype == DType.F32) {
            return MemorySegment.ofArray(values);
        }
        short[] halves = new short[values.length];
        for (int i = 0; i < values.length; i++) {
            halves[i] = dtype == DType.F16
                    ? Float.floatToFloat16(values[i])
                    : (short) (Float.floatToRawIntBits(values[i]) >>> Short.SIZE);
        }
        return MemorySegment.ofArray(halves);
    }

    /** {@return a matrix to upload} */
    static HostTensor matrix(float[] values, DType dtype, int rows, int columns) {
        return new HostTensor("test", dtype, List.of((long) rows, (long) columns), encoded(values, dtype));
    }

    /** {@return a pattern with this share of the blocks, and at least one in every row} */
    static BlockPattern pattern(Random random, BlockLayout layout, int heads, double density) {
        BlockPattern.Builder builder = new BlockPattern.Builder(layout, heads);
        for (int head = 0; head < heads; head++) {
            for (int i = 0; i < layout.blocks(); i++) {
                builder.keep(head, i, random.nextInt(layout.blocks()));
                for (int j = 0; j < layout.blocks(); j++) {
                    if (random.nextDouble() < density) {
                        builder.keep(head, i, j);
                    }
                }
            }
        }
        return builder.build();
    }
}
