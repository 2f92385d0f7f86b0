package dev.sparsed.cuda.internal.driver;

import jcuda.driver.CUgraph;
import jcuda.driver.CUgraphExec;
import jcuda.driver.CUstreamCaptureMode;
import jcuda.driver.JCudaDriver;

/**
 * Work recorded once and launched as a whole. It holds the addresses and the arguments of the moment of the capture: the buffers have to
 * outlive it.
 */
public final class CudaGraph implements AutoCloseable {

    private final CUgraphExec handle;
    private boolean closed;

    private CudaGraph(CUgraphExec handle) {
        this.handle = handle;
    }

    /**
     * Records what is submitted to a stream, which is not done. While this runs the thread may launch, fill and copy to and from {@linkplain
     * PinnedBuffer pinned} memory, but neither wait nor allocate new device memory: run the same work once before, so that its buffers are
     * there to be borrowed again.
     *
     * @param stream the stream
     * @param work what submits
     * @return the graph
     * @throws CudaException if the work did what cannot be recorded
     */
    public static CudaGraph capture(CudaStream stream, Runnable work) {
        // Thread-local: other threads may allocate and wait meanwhile.
        Status.check(
                JCudaDriver.cuStreamBeginCapture(
                        stream.handle(), CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL),
                "beginning to record a CUDA graph");
        CUgraph graph = new CUgraph();
        try {
            work.run();
        } catch (Throwable e) {
            if (JCudaDriver.cuStreamEndCapture(stream.handle(), graph) == 0) {
                JCudaDriver.cuGraphDestroy(graph);
            }
            throw e;
        }
        Status.check(JCudaDriver.cuStreamEndCapture(stream.handle(), graph), "recording a CUDA graph");
        try {
            CUgraphExec handle = new CUgraphExec();
            Status.check(JCudaDriver.cuGraphInstantiate(handle, graph, 0), "making a CUDA graph executable");
            return new CudaGraph(handle);
        } finally {
            Status.check(JCudaDriver.cuGraphDestroy(graph), "destroying a recorded CUDA graph");
        }
    }

    /**
     * Submits the recorded work.
     *
     * @param stream any stream of the device
     */
    public void launch(CudaStream stream) {
        if (closed) {
            throw new IllegalStateException("the CUDA graph is closed");
        }
        Status.check(JCudaDriver.cuGraphLaunch(handle, stream.handle()), "launching a CUDA graph");
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            Status.check(JCudaDriver.cuGraphExecDestroy(handle), "destroying a CUDA graph");
        }
    }
}
