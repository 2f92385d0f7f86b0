package dev.sparsed.spi;

import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * A tensor in host memory as a checkpoint holds it: row-major, little-endian, usually a slice of a mapped file.
 *
 * @param name its name in the checkpoint, for messages
 * @param dtype element type
 * @param shape extents, outermost first; empty for a scalar
 * @param data exactly {@code elements × dtype.bytes()} bytes; valid as long as the checkpoint it comes from is open
 */
public record HostTensor(String name, DType dtype, List<Long> shape, MemorySegment data) {

    /** Copies {@code shape} and checks that {@code data} has the size the shape asks for. */
    public HostTensor {
        shape = List.copyOf(shape);
        long bytes = dtype.bytes();
        for (long extent : shape) {
            if (extent < 0) {
                throw new IllegalArgumentException("tensor " + name + ": negative extent in shape " + shape);
            }
            bytes = Math.multiplyExact(bytes, extent);
        }
        if (data.byteSize() != bytes) {
            throw new IllegalArgumentException("tensor " + name + ": " + dtype + shape + " needs " + bytes
                    + " bytes, the segment has " + data.byteSize());
        }
    }

    /** {@return the number of elements} */
    public long elements() {
        return data.byteSize() / dtype.bytes();
    }
}
