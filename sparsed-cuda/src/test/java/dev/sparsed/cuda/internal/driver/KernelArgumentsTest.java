package dev.sparsed.cuda.internal.driver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class KernelArgumentsTest {

    private static KernelArguments arguments(Long... sizes) {
        return new KernelArguments("rms_norm", List.of(sizes));
    }

    /** Reads the block as cuLaunchKernel does: a void*[] of pointers to the values. */
    private static MemorySegment value(KernelArguments arguments, int index, long bytes) {
        long address = arguments.block().getAtIndex(ValueLayout.JAVA_LONG, index);
        return arguments.block().asSlice(address - arguments.block().address(), bytes);
    }

    /** A tensor map as the driver would fill it. */
    private static TensorMap tensorMap(Arena arena, int seed) {
        MemorySegment segment = arena.allocate(TensorMap.BYTES, 64);
        for (int i = 0; i < TensorMap.BYTES; i++) {
            segment.set(ValueLayout.JAVA_BYTE, i, (byte) (seed + i));
        }
        return new TensorMap(segment);
    }

    @Test
    void layValuesOutAsTheDriverReadsThem() {
        try (Arena arena = Arena.ofConfined();
                KernelArguments arguments = arguments(8L, 4L, 128L, 4L, 8L, 128L, 4L)) {
            for (int round = 0; round < 2; round++) {
                TensorMap first = tensorMap(arena, round);
                TensorMap second = tensorMap(arena, 7 + round);
                arguments
                        .begin()
                        .addPointer(0x7f00_1234_5678_9ab0L + round)
                        .addInt(-5 - round)
                        .addTensorMap(first)
                        .addFloat(1.5f + round)
                        .addLong(Long.MIN_VALUE + 1 + round)
                        .addTensorMap(second)
                        .addInt(7 + round);
                arguments.table();
                assertThat(value(arguments, 0, 8).get(ValueLayout.JAVA_LONG, 0))
                        .isEqualTo(0x7f00_1234_5678_9ab0L + round);
                assertThat(value(arguments, 1, 4).get(ValueLayout.JAVA_INT, 0)).isEqualTo(-5 - round);
                assertThat(value(arguments, 2, TensorMap.BYTES).mismatch(first.segment()))
                        .isEqualTo(-1);
                assertThat(value(arguments, 3, 4).get(ValueLayout.JAVA_FLOAT, 0))
                        .isEqualTo(1.5f + round);
                assertThat(value(arguments, 4, 8).get(ValueLayout.JAVA_LONG, 0)).isEqualTo(Long.MIN_VALUE + 1 + round);
                assertThat(value(arguments, 5, TensorMap.BYTES).mismatch(second.segment()))
                        .isEqualTo(-1);
                assertThat(value(arguments, 6, 4).get(ValueLayout.JAVA_INT, 0)).isEqualTo(7 + round);
            }
        }
    }

    @Test
    void alignTensorMapsAndKeepAllApartAlsoWhereThereAreMost() {
        try (Arena arena = Arena.ofConfined();
                KernelArguments arguments = arguments()) {
            arguments.addInt(0);
            for (int i = 1; i < KernelArguments.MOST; i++) {
                arguments.addTensorMap(tensorMap(arena, i));
            }
            assertThat(value(arguments, 0, 4).get(ValueLayout.JAVA_INT, 0)).isZero();
            assertThat(IntStream.range(1, KernelArguments.MOST)).allSatisfy(i -> {
                MemorySegment value = value(arguments, i, TensorMap.BYTES);
                assertThat(value.address() % 64).isZero();
                assertThat(value.mismatch(tensorMap(arena, i).segment())).isEqualTo(-1);
            });
            assertThatThrownBy(() -> arguments.addInt(0)).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    void areComparedWithTheKernelsParameters() {
        try (KernelArguments arguments = arguments(8L, 4L)) {
            assertThatThrownBy(() -> arguments.addInt(1))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("kernel rms_norm: parameter 0 has 8 bytes, and INT has 4");
            arguments.addPointer(1);
            assertThatThrownBy(() -> arguments.addLong(1))
                    .hasMessage("kernel rms_norm: parameter 1 has 4 bytes, and LONG has 8");
            assertThatThrownBy(arguments::table)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessage("kernel rms_norm has 2 parameters, and 1 arguments were added");
            arguments.addFloat(1);
            arguments.table();
            assertThatThrownBy(() -> arguments.addInt(1))
                    .hasMessage("kernel rms_norm has 2 parameters, and one more argument was added");
        }
    }

    @Test
    void areThoseOfTheFirstLaunchWhereTheDriverCannotTell() {
        try (KernelArguments arguments = arguments()) {
            arguments.addPointer(1).addInt(2).table();
            assertThatThrownBy(() -> arguments.addInt(3))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("kernel rms_norm has 2 parameters, and one more argument was added");
            arguments.begin().addPointer(1);
            assertThatThrownBy(() -> arguments.addFloat(2))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("kernel rms_norm: parameter 1 is of type INT, not FLOAT");
            assertThatThrownBy(arguments::table)
                    .hasMessage("kernel rms_norm has 2 parameters, and 1 arguments were added");
            arguments.addInt(2).table();
        }
    }

    @Test
    void canBeClosedTwiceAndNotUsedAfter() {
        KernelArguments arguments = arguments();
        arguments.close();
        arguments.close();
        assertThatThrownBy(() -> arguments.addInt(0)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(arguments::table).isInstanceOf(IllegalStateException.class);
    }
}
