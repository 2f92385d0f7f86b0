package dev.sparsed.cuda.internal.driver;

import java.lang.foreign.MemorySegment;
import jcuda.Pointer;
import jcuda.driver.JCudaDriver;

/** Page-locked host memory, which a device copies to and from without the driver's help, also inside a graph. */
public final class PinnedBuffer implements AutoCloseable {

    private final Addresses.HostPointer pointer = new Addresses.HostPointer();
    private final MemorySegment segment;
    private boolean closed;

    /**
     * Allocates it.
     *
     * @param device the device, bound to this thread
     * @param bytes how much, positive
     * @throws CudaException if CUDA refuses
     */
    @SuppressWarnings("restricted") // the driver has said how large it is
    public PinnedBuffer(CudaDevice device, long bytes) {
        if (bytes <= 0) {
            throw new IllegalArgumentException("pinned memory of " + bytes + " bytes; it has to be positive");
        }
        device.bind();
        Status.check(JCudaDriver.cuMemHostAlloc(pointer, bytes, 0), "allocating pinned host memory");
        segment = MemorySegment.ofAddress(pointer.address()).reinterpret(bytes);
    }

    /**
     * {@return the memory; not to be touched while the device copies, nor once this is closed}
     *
     * @throws IllegalStateException if this is closed
     */
    public MemorySegment segment() {
        if (closed) {
            throw new IllegalStateException("the pinned memory is closed");
        }
        return segment;
    }

    /** A part of it, for JCuda. */
    Pointer at(long offset, long bytes) {
        return Addresses.host(segment().asSlice(offset, bytes));
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            Status.check(JCudaDriver.cuMemFreeHost(pointer), "freeing pinned host memory");
        }
    }
}
