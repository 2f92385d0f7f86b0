package dev.sparsed.spi;

import dev.sparsed.BackendInfo;

/**
 * A device that runs models: it owns the weights, shared by all requests, and opens one {@link ExecutionContext} per request.
 * Thread-safe.
 */
public interface Backend extends AutoCloseable {

    /** {@return what this backend is and runs on} */
    BackendInfo info();

    /**
     * Makes a weight available on the device. A backend on the host may keep reading {@code tensor.data()} in place, so it has to stay
     * valid until this backend is closed.
     *
     * @param tensor one- or two-dimensional, F32, F16 or BF16
     * @return {@code [rows, columns]}; a vector becomes {@code [1, columns]}
     */
    Tensor upload(HostTensor tensor);

    /**
     * The same for a matrix that is used as the weight of linear layers alone, which a backend that was opened with a {@link Quantization} may
     * round further. {@code [rows, columns]} are those of the tensor.
     *
     * @param tensor two-dimensional, F32, F16 or BF16
     * @return {@code [rows, columns]}, for {@link ExecutionContext#linear} alone
     */
    default Tensor uploadLinear(HostTensor tensor) {
        return upload(tensor);
    }

    /**
     * Makes a small table that was computed on the host available on the device, such as RoPE's cosines.
     *
     * @param values {@code rows × columns} values, row-major; copied
     * @param rows ≥ 1
     * @param columns ≥ 1
     * @return {@code [rows, columns]}
     */
    Tensor constant(float[] values, int rows, int columns);

    /** {@return a new context for one request; the caller closes it} */
    ExecutionContext newContext();

    /** Stops threads and frees all weights. Contexts must be closed before. */
    @Override
    void close();
}
