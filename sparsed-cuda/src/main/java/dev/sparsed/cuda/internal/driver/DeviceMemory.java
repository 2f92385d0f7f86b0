package dev.sparsed.cuda.internal.driver;

import dev.sparsed.DeviceMemoryException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A device's memory: every byte this library holds there. Thread-safe; the calling thread has to be bound to the device.
 *
 * <p>Two kinds. What lives as long as a model is {@linkplain #allocate allocated} and really freed. A request's buffers are {@linkplain
 * #borrow borrowed} for one stream and, once closed, kept to be lent again to the same stream: work on a stream runs in order, so the next
 * user cannot overtake the last one, and nobody has to wait. When a stream is closed its buffers become anybody's.
 */
public final class DeviceMemory implements AutoCloseable {

    /** Where memory comes from. */
    interface Source {

        /** {@return an address, or 0 if there is not enough} */
        long allocate(long bytes);

        /** Frees what {@link #allocate} gave, waiting for work that may use it. */
        void free(long address);

        long freeBytes();

        long totalBytes();
    }

    /** Nobody's: the buffers of streams that are closed. */
    private static final Object ANYBODY = new Object();

    private final Source source;
    private final Map<DeviceBuffer, Long> live = new IdentityHashMap<>();
    /** Idle buffers: by the stream that may take them, by size. */
    private final Map<Object, TreeMap<Long, Deque<Long>>> idle = new IdentityHashMap<>();

    private long bytesInUse;
    private long bytesIdle;
    private boolean closed;

    DeviceMemory(Source source) {
        this.source = source;
    }

    /**
     * Allocates memory, zeroed or not as it comes, that closing the buffer really frees.
     *
     * @param bytes how much, positive
     * @param purpose what for, as a message about lacking memory should say it
     * @return the buffer; the caller closes it
     * @throws DeviceMemoryException if there is not enough
     */
    public DeviceBuffer allocate(long bytes, String purpose) {
        return take(bytes, bytes, purpose, null);
    }

    /**
     * Borrows memory for the work of one stream. A buffer of the same {@linkplain #sizeClass size class} that this stream gave back, or
     * that no stream uses any more, is taken again.
     *
     * @param bytes how much, positive
     * @param purpose what for, as a message about lacking memory should say it
     * @param stream the only stream whose work uses it, and any object for it: it is compared by identity
     * @return the buffer; the caller closes it, when the work that uses it has been submitted to the stream
     * @throws DeviceMemoryException if there is not enough
     */
    public DeviceBuffer borrow(long bytes, String purpose, Object stream) {
        return take(bytes, sizeClass(bytes), purpose, stream);
    }

    /** {@return the bytes of all open buffers} */
    public synchronized long bytesInUse() {
        return bytesInUse;
    }

    /** {@return the bytes held for the next borrower} */
    public synchronized long bytesIdle() {
        return bytesIdle;
    }

    /** Frees what nobody uses at the moment; waits for the device. */
    public synchronized void trim() {
        idle.values().forEach(sizes -> sizes.values().forEach(addresses -> addresses.forEach(source::free)));
        idle.clear();
        bytesIdle = 0;
    }

    /** The stream is done with everything: its idle buffers may be lent to any other. */
    synchronized void release(Object stream) {
        TreeMap<Long, Deque<Long>> sizes = idle.remove(stream);
        if (sizes != null) {
            sizes.forEach((size, addresses) -> shelf(ANYBODY, size).addAll(addresses));
        }
    }

    /** Frees everything, also what is still in use. */
    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        trim();
        live.forEach((buffer, address) -> {
            buffer.invalidate();
            source.free(address);
        });
        live.clear();
        bytesInUse = 0;
    }

    /**
     * The size that is lent for a size: at most an eighth more, so that requests of similar lengths share buffers; above 64 MiB the next
     * multiple of 2 MiB, the driver's own granularity.
     *
     * @param bytes how much is needed, positive
     * @return at least that
     */
    static long sizeClass(long bytes) {
        if (bytes <= 512) {
            return 512;
        }
        long step = bytes > 64L << 20 ? 2L << 20 : Math.max(512, Long.highestOneBit(bytes - 1) / 8);
        return Math.ceilDiv(bytes, step) * step;
    }

    synchronized void giveBack(DeviceBuffer buffer, long address, long held, @Nullable Object stream) {
        if (live.remove(buffer) == null) {
            return; // freed by close already
        }
        bytesInUse -= held;
        if (stream == null) {
            source.free(address);
        } else {
            shelf(stream, held).push(address);
            bytesIdle += held;
        }
    }

    private synchronized DeviceBuffer take(long bytes, long held, String purpose, @Nullable Object stream) {
        if (bytes <= 0) {
            throw new IllegalArgumentException(
                    "device memory for " + purpose + ": " + bytes + " bytes; it has to be positive");
        }
        if (closed) {
            throw new IllegalStateException("the device memory is closed; it was asked for " + purpose);
        }
        long address = stream == null ? 0 : reuse(stream, held);
        if (address == 0) {
            address = source.allocate(held);
        }
        if (address == 0 && bytesIdle > 0) {
            trim();
            address = source.allocate(held);
        }
        if (address == 0) {
            throw new DeviceMemoryException(purpose, held, source.freeBytes(), source.totalBytes());
        }
        DeviceBuffer buffer = new DeviceBuffer(this, address, bytes, held, purpose, stream);
        live.put(buffer, address);
        bytesInUse += held;
        return buffer;
    }

    private long reuse(Object stream, long held) {
        for (Object owner : new Object[] {stream, ANYBODY}) {
            TreeMap<Long, Deque<Long>> sizes = idle.get(owner);
            Deque<Long> addresses = sizes == null ? null : sizes.get(held);
            if (addresses != null && !addresses.isEmpty()) {
                bytesIdle -= held;
                return addresses.pop();
            }
        }
        return 0;
    }

    private Deque<Long> shelf(Object stream, long held) {
        return idle.computeIfAbsent(stream, _ -> new TreeMap<>()).computeIfAbsent(held, _ -> new ArrayDeque<>());
    }
}
