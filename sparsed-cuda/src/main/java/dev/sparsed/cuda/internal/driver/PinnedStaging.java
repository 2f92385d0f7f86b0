package dev.sparsed.cuda.internal.driver;

import java.lang.foreign.MemorySegment;

/**
 * Copies between ordinary host memory, such as a mapped file, and the device through two pinned slices: while the device copies one, the
 * host fills or empties the other. For one thread at a time.
 */
public final class PinnedStaging implements AutoCloseable {

    /** Where the bus is saturated and page faults of a mapped file still overlap with the copy. */
    public static final long UPLOAD_SLICE = 32L << 20;

    private final CudaStream stream;
    private final long sliceBytes;
    private final PinnedBuffer[] slices = new PinnedBuffer[2];
    private final CudaEvent[] copied = new CudaEvent[2];
    private int next;

    /**
     * Allocates the slices.
     *
     * @param device the device, bound to this thread
     * @param stream the stream that copies
     * @param sliceBytes the size of each slice
     */
    public PinnedStaging(CudaDevice device, CudaStream stream, long sliceBytes) {
        this.stream = stream;
        this.sliceBytes = sliceBytes;
        try {
            for (int i = 0; i < slices.length; i++) {
                slices[i] = new PinnedBuffer(device, sliceBytes);
                copied[i] = new CudaEvent(device);
                copied[i].record(stream);
            }
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    /**
     * Copies to the device. On return the host memory is free for other use; the device's has its content for what the stream does next.
     *
     * @param host any memory segment
     * @param device where to, in bytes
     */
    public void upload(MemorySegment host, long device) {
        for (long done = 0; done < host.byteSize(); ) {
            long bytes = Math.min(sliceBytes, host.byteSize() - done);
            int slice = takeSlice();
            MemorySegment.copy(host, done, slices[slice].segment(), 0, bytes);
            stream.copyToDevice(slices[slice], 0, device + done, bytes);
            copied[slice].record(stream);
            done += bytes;
        }
    }

    /**
     * Copies to the host, after everything the stream has been given; returns when the host has it.
     *
     * @param device where from, in bytes
     * @param host any writable memory segment
     */
    public void download(long device, MemorySegment host) {
        long total = host.byteSize();
        long[] begin = new long[2];
        int pending = -1;
        for (long asked = 0; asked < total || pending >= 0; ) {
            int asking = -1;
            if (asked < total) {
                long bytes = Math.min(sliceBytes, total - asked);
                asking = takeSlice();
                begin[asking] = asked;
                stream.copyToHost(device + asked, slices[asking], 0, bytes);
                copied[asking].record(stream);
                asked += bytes;
            }
            if (pending >= 0) {
                copied[pending].synchronize();
                long bytes = Math.min(sliceBytes, total - begin[pending]);
                MemorySegment.copy(slices[pending].segment(), 0, host, begin[pending], bytes);
            }
            pending = asking;
        }
    }

    /** The slice whose turn it is, once the device is done with it. */
    private int takeSlice() {
        int slice = next;
        next = 1 - next;
        copied[slice].synchronize();
        return slice;
    }

    /** Waits for the copies and frees the slices. */
    @Override
    public void close() {
        for (int i = 0; i < slices.length; i++) {
            if (copied[i] != null) {
                copied[i].synchronize();
                copied[i].close();
            }
            if (slices[i] != null) {
                slices[i].close();
            }
        }
    }
}
