package dev.sparsed.cuda.internal.driver;

import static dev.sparsed.cuda.internal.driver.KernelArguments.Type.FLOAT;
import static dev.sparsed.cuda.internal.driver.KernelArguments.Type.INT;
import static dev.sparsed.cuda.internal.driver.KernelArguments.Type.LONG;
import static dev.sparsed.cuda.internal.driver.KernelArguments.Type.POINTER;
import static dev.sparsed.cuda.internal.driver.KernelArguments.Type.TENSOR_MAP;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.Test;

class KernelArgumentsTest {

    /** Reads the block as cuLaunchKernel does: a void*[] of pointers to the values. */
    private static MemorySegment value(KernelArguments arguments, int index, long bytes) {
        long address = arguments.block().getAtIndex(ValueLayout.JAVA_LONG, index);
        long offset = address - arguments.block().address();
        return arguments.block().asSlice(offset, bytes);
    }

    @Test
    void layValuesOutAsTheDriverReadsThem() {
        try (KernelArguments arguments = new KernelArguments(POINTER, INT, FLOAT, LONG, INT)) {
            arguments.setPointer(0, 0x7f00_1234_5678_9ab0L).setInt(1, -5).setFloat(2, 1.5f);
            arguments.setLong(3, Long.MIN_VALUE + 1).setInt(4, 7);
            assertThat(value(arguments, 0, 8).get(ValueLayout.JAVA_LONG, 0)).isEqualTo(0x7f00_1234_5678_9ab0L);
            assertThat(value(arguments, 1, 4).get(ValueLayout.JAVA_INT, 0)).isEqualTo(-5);
            assertThat(value(arguments, 2, 4).get(ValueLayout.JAVA_FLOAT, 0)).isEqualTo(1.5f);
            assertThat(value(arguments, 3, 8).get(ValueLayout.JAVA_LONG, 0)).isEqualTo(Long.MIN_VALUE + 1);
            assertThat(value(arguments, 4, 4).get(ValueLayout.JAVA_INT, 0)).isEqualTo(7);
            arguments.setInt(1, 6);
            assertThat(value(arguments, 1, 4).get(ValueLayout.JAVA_INT, 0)).isEqualTo(6);
        }
    }

    @Test
    void alignEveryValueAndKeepThemApart() {
        KernelArguments.Type[] types = {INT, POINTER, INT, TENSOR_MAP, FLOAT, LONG, TENSOR_MAP, INT};
        try (KernelArguments arguments = new KernelArguments(types)) {
            long end = arguments.block().address() + types.length * 8L; // the table
            for (int i = 0; i < types.length; i++) {
                long address = arguments.block().getAtIndex(ValueLayout.JAVA_LONG, i);
                assertThat(address % Math.min(types[i].bytes(), 64))
                        .as("alignment of %d", i)
                        .isZero();
                assertThat(address).as("start of %d", i).isGreaterThanOrEqualTo(end);
                end = address + types[i].bytes();
            }
            assertThat(end)
                    .isLessThanOrEqualTo(
                            arguments.block().address() + arguments.block().byteSize());
        }
    }

    @Test
    void areZeroAtFirst() {
        try (KernelArguments arguments = new KernelArguments(POINTER, INT)) {
            assertThat(value(arguments, 0, 8).get(ValueLayout.JAVA_LONG, 0)).isZero();
            assertThat(value(arguments, 1, 4).get(ValueLayout.JAVA_INT, 0)).isZero();
        }
    }

    @Test
    void refuseAnotherType() {
        try (KernelArguments arguments = new KernelArguments(POINTER, INT)) {
            assertThatThrownBy(() -> arguments.setLong(0, 1))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("parameter 0 is of type POINTER, not LONG");
            assertThatThrownBy(() -> arguments.setFloat(1, 1)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> arguments.setInt(2, 1)).isInstanceOf(IndexOutOfBoundsException.class);
        }
    }

    @Test
    void canBeClosedTwiceAndNotUsedAfter() {
        KernelArguments arguments = new KernelArguments(INT);
        arguments.close();
        arguments.close();
        assertThatThrownBy(() -> arguments.setInt(0, 1)).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(arguments::table).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void areComparedWithTheKernelsParameters() {
        KernelArguments.Type[] types = {POINTER, INT, TENSOR_MAP};
        assertThatCode(() -> Kernel.requireSizes("rms_norm", types, List.of(8L, 4L, 128L)))
                .doesNotThrowAnyException();
        assertThatThrownBy(() -> Kernel.requireSizes("rms_norm", types, List.of(8L, 8L, 128L)))
                .hasMessage("kernel rms_norm: parameter 1 has 8 bytes, and INT has 4");
        assertThatThrownBy(() -> Kernel.requireSizes("rms_norm", types, List.of(8L, 4L)))
                .hasMessage("kernel rms_norm has 2 parameters, not 3");
    }
}
