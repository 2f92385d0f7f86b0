package dev.sparsed.cuda.internal.driver;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * What a library of matrix products has on one stream: device memory to work in, native memory, and the handle that {@link #owns} names. Closed
 * as one, once, when the stream's work is done.
 */
final class BlasWorkspace implements AutoCloseable {

    /** What cuBLAS itself takes on Hopper; with one given it allocates none, which a graph's capture would not allow. */
    private static final long BYTES = 32L << 20;

    /** Ends the library's use. */
    interface Destroy {

        /** {@return the library's status} */
        int call() throws Throwable;
    }

    private final String library;
    private final CudaStream stream;
    private final DeviceBuffer device;
    private final Arena arena = Arena.ofShared();
    private @Nullable Destroy destroy;
    private boolean closed;

    /**
     * Borrows the memory.
     *
     * @param library what it is for, in messages
     * @param stream the stream that the library works on
     */
    BlasWorkspace(String library, CudaStream stream) {
        this.library = library;
        this.stream = stream;
        this.device = stream.device().memory().borrow(BYTES, library + "'s workspace", stream);
    }

    /** {@return native memory that lives as long, zeroed} */
    MemorySegment allocate(long bytes) {
        return arena.allocate(bytes, Long.BYTES);
    }

    /** Tells what to call at the end, before the memory goes. */
    void owns(Destroy handle) {
        destroy = handle;
    }

    /** {@return the device address} */
    long address() {
        return device.address();
    }

    /** {@return the size on the device, in bytes} */
    long bytes() {
        return device.bytes();
    }

    void requireOpen() {
        if (closed) {
            throw new IllegalStateException(library + " is closed");
        }
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        stream.synchronize(); // the memory may be in use
        try {
            if (destroy != null) {
                Status.checkBlas(destroy.call(), "closing " + library);
            }
        } catch (Throwable e) {
            throw NativeLibrary.unchecked(e);
        } finally {
            device.close();
            arena.close();
        }
    }
}
