package dev.sparsed.cuda.internal.driver;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class TensorMapTest {

    private static void require(long address, long[] sizes, long[] strides, int[] box, TensorMap.Swizzle swizzle) {
        TensorMap.requireValid(2, address, sizes, strides, box, swizzle);
    }

    @Test
    void takesMatricesAndHeads() {
        assertThatCode(() -> {
                    require(
                            256,
                            new long[] {128, 4096},
                            new long[] {8192},
                            new int[] {64, 128},
                            TensorMap.Swizzle.BYTES_128);
                    require(
                            256,
                            new long[] {128, 32, 65536},
                            new long[] {256, 8192},
                            new int[] {64, 1, 128},
                            TensorMap.Swizzle.BYTES_128);
                })
                .doesNotThrowAnyException();
    }

    @Test
    void aBoxRowOfBytesIsAsLongInBytes() {
        long[] sizes = {4096, 1000};
        long[] strides = {4096};
        int[] box = {128, 64};
        assertThatCode(() -> TensorMap.requireValid(1, 0, sizes, strides, box, TensorMap.Swizzle.BYTES_128))
                .doesNotThrowAnyException();
        assertThatThrownBy(() -> TensorMap.requireValid(1, 0, sizes, strides, box, TensorMap.Swizzle.BYTES_64))
                .hasMessageContaining("128 bytes is too long for BYTES_64");
    }

    @Test
    void saysWhatTheHardwareCannot() {
        long[] sizes = {128, 4096};
        long[] strides = {256};
        int[] box = {64, 128};
        TensorMap.Swizzle swizzle = TensorMap.Swizzle.BYTES_128;
        refuses("rank 1", 0, new long[] {128}, new long[] {}, new int[] {64}, swizzle);
        refuses("2 strides", 0, sizes, new long[] {256, 256}, box, swizzle);
        refuses("address 8", 8, sizes, strides, box, swizzle);
        refuses("size 0 of dimension 1", 0, new long[] {128, 0}, strides, box, swizzle);
        refuses("box size 257 of dimension 1", 0, sizes, strides, new int[] {64, 257}, swizzle);
        refuses("stride of dimension 1", 0, sizes, new long[] {250}, box, swizzle);
        refuses("box row of 14 bytes", 0, sizes, strides, new int[] {7, 128}, swizzle);
        refuses("too long for BYTES_128", 0, sizes, strides, new int[] {72, 128}, swizzle);
    }

    private static void refuses(
            String part, long address, long[] sizes, long[] strides, int[] box, TensorMap.Swizzle swizzle) {
        assertThatThrownBy(() -> require(address, sizes, strides, box, swizzle))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(part);
    }
}
