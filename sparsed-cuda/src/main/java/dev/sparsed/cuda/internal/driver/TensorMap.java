package dev.sparsed.cuda.internal.driver;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;

/**
 * How Hopper's tensor memory accelerator sees a matrix of device memory: which boxes of it a copy instruction moves, and how they lie in
 * shared memory. Built by {@code cuTensorMapEncodeTiled}, given to a kernel by value.
 */
public final class TensorMap {

    /** The size of a {@code CUtensorMap}. */
    public static final int BYTES = 128;

    private static final int ALIGNMENT = 64;
    private static final int INTERLEAVE_NONE = 0;
    private static final int L2_PROMOTION_256B = 3;
    private static final int FILL_ZEROS = 0; // CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE

    /** CUtensorMapDataType. */
    private enum Element {
        BYTE(0, 1),
        BFLOAT16(9, 2);

        private final int code;
        private final int bytes;

        Element(int code, int bytes) {
            this.code = code;
            this.bytes = bytes;
        }
    }

    /** How rows of a box are permuted in shared memory, so that a warp's reads hit different banks. */
    public enum Swizzle {
        /** Not at all. */
        NONE(0, Integer.MAX_VALUE),
        /** Within 64 bytes. */
        BYTES_64(2, 64),
        /** Within 128 bytes. */
        BYTES_128(3, 128);

        private final int code;
        private final int maximalRowBytes;

        Swizzle(int code, int maximalRowBytes) {
            this.code = code;
            this.maximalRowBytes = maximalRowBytes;
        }
    }

    private final MemorySegment segment;

    /** What {@code cuTensorMapEncodeTiled} made of {@link #BYTES} bytes. */
    TensorMap(MemorySegment segment) {
        this.segment = segment;
    }

    /**
     * Describes a bf16 tensor of rank 2 to 5. Dimension 0 is the innermost, contiguous one. What a box has outside of the tensor reads as
     * zero.
     *
     * @param address the first element, a multiple of 16 bytes
     * @param sizes the elements of each dimension
     * @param strideBytes the distance of two neighbours in dimension 1, 2, ..., one less than sizes; multiples of 16 bytes
     * @param box the elements of a box in each dimension, 1 to 256; a row of it is at most as long as the swizzle's span
     * @param swizzle the layout in shared memory
     * @return the map; it needs no closing
     * @throws IllegalArgumentException if a number is out of range
     * @throws CudaException if CUDA refuses
     * @throws IllegalStateException if the driver has no tensor maps
     */
    public static TensorMap bfloat16(long address, long[] sizes, long[] strideBytes, int[] box, Swizzle swizzle) {
        return encode(Element.BFLOAT16, address, sizes, strideBytes, box, swizzle);
    }

    /**
     * Describes a tensor of bytes, like {@link #bfloat16}.
     *
     * @param address the first element, a multiple of 16 bytes
     * @param sizes the elements of each dimension
     * @param strideBytes the distance of two neighbours in dimension 1, 2, ..., one less than sizes; multiples of 16 bytes
     * @param box the elements of a box in each dimension, 1 to 256; a row of it is at most as long as the swizzle's span
     * @param swizzle the layout in shared memory
     * @return the map; it needs no closing
     * @throws IllegalArgumentException if a number is out of range
     * @throws CudaException if CUDA refuses
     * @throws IllegalStateException if the driver has no tensor maps
     */
    public static TensorMap bytes(long address, long[] sizes, long[] strideBytes, int[] box, Swizzle swizzle) {
        return encode(Element.BYTE, address, sizes, strideBytes, box, swizzle);
    }

    private static TensorMap encode(
            Element element, long address, long[] sizes, long[] strideBytes, int[] box, Swizzle swizzle) {
        requireValid(element.bytes, address, sizes, strideBytes, box, swizzle);
        MemorySegment map = Arena.ofAuto().allocate(BYTES, ALIGNMENT);
        int rank = sizes.length;
        int code;
        try (Arena arena = Arena.ofConfined()) {
            int[] everyElement = new int[rank];
            Arrays.fill(everyElement, 1);
            code = (int) Holder.ENCODE.invokeExact(
                    map,
                    element.code,
                    rank,
                    MemorySegment.ofAddress(address),
                    arena.allocateFrom(JAVA_LONG, sizes),
                    arena.allocateFrom(JAVA_LONG, strideBytes),
                    arena.allocateFrom(JAVA_INT, box),
                    arena.allocateFrom(JAVA_INT, everyElement),
                    INTERLEAVE_NONE,
                    swizzle.code,
                    L2_PROMOTION_256B,
                    FILL_ZEROS);
        } catch (Throwable e) {
            throw NativeLibrary.unchecked(e);
        }
        Status.check(code, "describing a tensor for the tensor memory accelerator");
        return new TensorMap(map);
    }

    static void requireValid(
            int elementBytes, long address, long[] sizes, long[] strideBytes, int[] box, Swizzle swizzle) {
        int rank = sizes.length;
        require(rank >= 2 && rank <= 5, "rank " + rank + ": it has to be 2 to 5");
        require(
                strideBytes.length == rank - 1 && box.length == rank,
                strideBytes.length + " strides and " + box.length + " box sizes for rank " + rank);
        require(address % 16 == 0, "address " + address + ": it has to be a multiple of 16");
        for (int i = 0; i < rank; i++) {
            require(sizes[i] >= 1 && sizes[i] <= 1L << 32, "size " + sizes[i] + " of dimension " + i + ": 1 to 2^32");
            require(box[i] >= 1 && box[i] <= 256, "box size " + box[i] + " of dimension " + i + ": 1 to 256");
            require(
                    i == 0 || (strideBytes[i - 1] % 16 == 0 && strideBytes[i - 1] > 0 && strideBytes[i - 1] < 1L << 40),
                    "stride of dimension " + i + ": a positive multiple of 16 bytes below 2^40");
        }
        int rowBytes = box[0] * elementBytes;
        require(rowBytes % 16 == 0, "a box row of " + rowBytes + " bytes: it has to be a multiple of 16");
        require(rowBytes <= swizzle.maximalRowBytes, "a box row of " + rowBytes + " bytes is too long for " + swizzle);
    }

    private static void require(boolean condition, String message) {
        if (!condition) {
            throw new IllegalArgumentException("tensor map: " + message);
        }
    }

    MemorySegment segment() {
        return segment;
    }

    private static final class Holder {
        static final MethodHandle ENCODE = CudaDriverLibrary.load()
                .orElseThrow(() -> new IllegalStateException(CudaDriverLibrary.NAME + " is not there"))
                .function(
                        "cuTensorMapEncodeTiled",
                        ADDRESS, // map
                        JAVA_INT, // data type
                        JAVA_INT, // rank
                        ADDRESS, // global address
                        ADDRESS, // global sizes
                        ADDRESS, // global strides
                        ADDRESS, // box sizes
                        ADDRESS, // element strides
                        JAVA_INT, // interleave
                        JAVA_INT, // swizzle
                        JAVA_INT, // L2 promotion
                        JAVA_INT); // fill
    }
}
