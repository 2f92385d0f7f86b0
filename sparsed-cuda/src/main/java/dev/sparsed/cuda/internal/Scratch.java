package dev.sparsed.cuda.internal;

import dev.sparsed.cuda.internal.driver.CudaStream;
import dev.sparsed.cuda.internal.driver.DeviceBuffer;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Device memory for one purpose that grows when more is asked for. What it held is lost then. */
final class Scratch implements AutoCloseable {

    private final CudaStream stream;
    private final String purpose;
    private final Runnable beforeMoving;
    private @Nullable DeviceBuffer buffer;

    /**
     * Holds nothing yet.
     *
     * @param stream whose work uses it
     * @param purpose what for
     * @param beforeMoving runs before the address changes
     */
    Scratch(CudaStream stream, String purpose, Runnable beforeMoving) {
        this.stream = stream;
        this.purpose = purpose;
        this.beforeMoving = beforeMoving;
    }

    /**
     * {@return an address with room}
     *
     * @param bytes how much
     */
    long address(long bytes) {
        DeviceBuffer current = buffer;
        if (current == null || current.bytes() < bytes) {
            if (current != null) {
                beforeMoving.run();
                buffer = null;
                current.close();
            }
            current = stream.device().memory().borrow(Math.max(1, bytes), purpose, stream);
            buffer = current;
        }
        return current.address();
    }

    /**
     * Uploads ints.
     *
     * @param values what to upload
     * @return where they are; valid until the next upload
     */
    long upload(int[] values) {
        long address = address((long) values.length * Integer.BYTES);
        stream.upload(MemorySegment.ofArray(values), address);
        return address;
    }

    /**
     * Downloads from this memory and waits for it.
     *
     * @param offset from where, in bytes
     * @param destination receives
     */
    void download(long offset, MemorySegment destination) {
        stream.download(address(offset + destination.byteSize()) + offset, destination);
    }

    @Override
    public void close() {
        if (buffer != null) {
            buffer.close();
            buffer = null;
        }
    }
}
