package dev.sparsed.cuda.internal.driver;

import jcuda.driver.CUevent;
import jcuda.driver.JCudaDriver;

/** A point in a stream's work, to wait for and to take the time at. */
public final class CudaEvent implements AutoCloseable {

    private final CUevent handle = new CUevent();
    private boolean closed;

    /**
     * Creates one.
     *
     * @param device the device; this thread is bound to it
     */
    public CudaEvent(CudaDevice device) {
        device.bind();
        Status.check(JCudaDriver.cuEventCreate(handle, 0), "creating a CUDA event");
    }

    /**
     * Puts it behind what the stream has been given.
     *
     * @param stream the stream
     */
    public void record(CudaStream stream) {
        Status.check(JCudaDriver.cuEventRecord(handle(), stream.handle()), "recording a CUDA event");
    }

    /** Waits until the stream is there; at once if it was never recorded. */
    public void synchronize() {
        Status.check(JCudaDriver.cuEventSynchronize(handle()), "waiting for a CUDA event");
    }

    /**
     * The device's time from an earlier event to this one, both recorded and reached.
     *
     * @param start the earlier one
     * @return milliseconds, to about half a microsecond
     */
    public float millisecondsSince(CudaEvent start) {
        float[] milliseconds = new float[1];
        Status.check(
                JCudaDriver.cuEventElapsedTime(milliseconds, start.handle(), handle()),
                "taking the time between events");
        return milliseconds[0];
    }

    CUevent handle() {
        if (closed) {
            throw new IllegalStateException("the CUDA event is closed");
        }
        return handle;
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            Status.check(JCudaDriver.cuEventDestroy(handle), "destroying a CUDA event");
        }
    }
}
