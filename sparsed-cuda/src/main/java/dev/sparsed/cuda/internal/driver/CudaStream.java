package dev.sparsed.cuda.internal.driver;

import java.lang.foreign.MemorySegment;
import jcuda.driver.CUstream;
import jcuda.driver.CUstream_flags;
import jcuda.driver.JCudaDriver;
import org.jspecify.annotations.Nullable;

/**
 * A queue of work on a device, done in order. For one thread at a time, and that thread has to be bound to the device. Device addresses and
 * sizes are in bytes.
 */
public final class CudaStream implements AutoCloseable {

    /** What small copies are staged through: token ids, positions, candidates. */
    private static final long STAGING_SLICE = 1L << 20;

    private final CudaDevice device;
    private final Addresses.StreamHandle handle = new Addresses.StreamHandle();
    private @Nullable PinnedStaging staging;
    private boolean closed;

    /**
     * Opens a stream that does not wait for the default stream.
     *
     * @param device the device; this thread is bound to it
     * @throws CudaException if CUDA refuses
     */
    public CudaStream(CudaDevice device) {
        this.device = device;
        device.bind();
        Status.check(
                JCudaDriver.cuStreamCreate(handle, CUstream_flags.CU_STREAM_NON_BLOCKING), "opening a CUDA stream");
    }

    /** {@return the device it belongs to} */
    public CudaDevice device() {
        return device;
    }

    /** Waits until everything is done that was submitted, and reports what failed. */
    public void synchronize() {
        Status.check(JCudaDriver.cuStreamSynchronize(handle()), "waiting for a CUDA stream");
    }

    /**
     * Makes what is submitted from now on wait for an event recorded on another stream.
     *
     * @param event the event
     */
    public void waitFor(CudaEvent event) {
        Status.check(JCudaDriver.cuStreamWaitEvent(handle(), event.handle(), 0), "waiting for an event");
    }

    /**
     * Copies host memory to the device. On return the host memory is free for other use. Not while a graph is captured.
     *
     * @param host any memory segment
     * @param to where to on the device
     */
    public void upload(MemorySegment host, long to) {
        staging().upload(host, to);
    }

    /**
     * Copies device memory to the host and waits for it. Not while a graph is captured.
     *
     * @param from where from on the device
     * @param host any writable memory segment
     */
    public void download(long from, MemorySegment host) {
        staging().download(from, host);
    }

    /**
     * Copies pinned memory to the device, without waiting.
     *
     * @param from pinned memory; it must not change before the copy is done
     * @param offset where in it, in bytes
     * @param to where to on the device
     * @param bytes how much
     */
    public void copyToDevice(PinnedBuffer from, long offset, long to, long bytes) {
        Status.check(
                JCudaDriver.cuMemcpyHtoDAsync(Addresses.device(to), from.at(offset, bytes), bytes, handle()),
                "copying to the device");
    }

    /**
     * Copies device memory to pinned memory, without waiting.
     *
     * @param from where from on the device
     * @param to pinned memory; it has the content once the stream is synchronized
     * @param offset where in it, in bytes
     * @param bytes how much
     */
    public void copyToHost(long from, PinnedBuffer to, long offset, long bytes) {
        Status.check(
                JCudaDriver.cuMemcpyDtoHAsync(to.at(offset, bytes), Addresses.device(from), bytes, handle()),
                "copying from the device");
    }

    /**
     * Copies within the device.
     *
     * @param from where from
     * @param to where to; the two do not overlap
     * @param bytes how much
     */
    public void copy(long from, long to, long bytes) {
        Status.check(
                JCudaDriver.cuMemcpyDtoDAsync(Addresses.device(to), Addresses.device(from), bytes, handle()),
                "copying within the device");
    }

    /**
     * Sets every byte.
     *
     * @param to where on the device
     * @param value the byte
     * @param bytes how many
     */
    public void fill(long to, byte value, long bytes) {
        Status.check(
                JCudaDriver.cuMemsetD8Async(Addresses.device(to), value, bytes, handle()), "filling device memory");
    }

    /**
     * Sets every 32-bit word.
     *
     * @param to where on the device, a multiple of 4
     * @param value the word
     * @param words how many
     */
    public void fillWords(long to, int value, long words) {
        Status.check(
                JCudaDriver.cuMemsetD32Async(Addresses.device(to), value, words, handle()), "filling device memory");
    }

    /**
     * The stream for JCuda.
     *
     * @throws IllegalStateException if it is closed
     */
    CUstream handle() {
        requireOpen();
        return handle;
    }

    /** The stream for a library called through {@code java.lang.foreign}. */
    long address() {
        requireOpen();
        return handle.address();
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the CUDA stream is closed");
        }
    }

    private PinnedStaging staging() {
        requireOpen();
        PinnedStaging current = staging;
        if (current == null) {
            current = new PinnedStaging(device, this, STAGING_SLICE);
            staging = current;
        }
        return current;
    }

    /** Waits until everything is done, then closes; the memory it borrowed may serve others. */
    @Override
    public void close() {
        if (closed) {
            return;
        }
        device.bind();
        try {
            synchronize();
        } finally {
            try {
                if (staging != null) {
                    staging.close();
                }
            } finally {
                closed = true;
                device.memory().release(this);
                Status.check(JCudaDriver.cuStreamDestroy(handle), "closing a CUDA stream");
            }
        }
    }
}
