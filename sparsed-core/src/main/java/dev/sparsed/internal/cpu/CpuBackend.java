package dev.sparsed.internal.cpu;

import dev.sparsed.BackendInfo;
import dev.sparsed.spi.Backend;
import dev.sparsed.spi.ExecutionContext;
import dev.sparsed.spi.HostTensor;
import dev.sparsed.spi.Tensor;
import java.util.function.Function;

/** A backend on the CPU: weights stay where the checkpoint maps them, activations are arrays on the heap. */
public final class CpuBackend implements Backend {

    private final BackendInfo info;
    private final WorkerPool pool;
    private final Function<WorkerPool, CpuKernels> kernels;

    /**
     * Starts the backend's threads.
     *
     * @param info what it is
     * @param kernels makes the kernels of one request
     */
    public CpuBackend(BackendInfo info, Function<WorkerPool, CpuKernels> kernels) {
        this.info = info;
        this.kernels = kernels;
        this.pool = new WorkerPool(info.threads());
    }

    @Override
    public BackendInfo info() {
        return info;
    }

    @Override
    public Tensor upload(HostTensor tensor) {
        int dimensions = tensor.shape().size();
        if (dimensions != 1 && dimensions != 2) {
            throw new IllegalArgumentException(
                    "tensor " + tensor.name() + ": a weight has one or two dimensions, this one is " + tensor.shape());
        }
        int rows = dimensions == 1 ? 1 : Math.toIntExact(tensor.shape().getFirst());
        int columns = Math.toIntExact(tensor.shape().getLast());
        Weights weights = new Weights(tensor.data(), tensor.dtype(), rows, columns);
        return dimensions == 1 ? widen(weights) : weights;
    }

    @Override
    public Tensor constant(float[] values, int rows, int columns) {
        return new Matrix(values.clone(), 0, rows, columns);
    }

    /** Norm weights and biases are small: as floats they cost the kernels no conversion. */
    private static Matrix widen(Weights vector) {
        Matrix widened = Matrix.zeros(1, vector.columns());
        for (int i = 0; i < vector.columns(); i++) {
            widened.data()[i] = vector.get(i);
        }
        return widened;
    }

    @Override
    public ExecutionContext newContext() {
        return new CpuContext(kernels.apply(pool));
    }

    @Override
    public void close() {
        pool.close();
    }
}
