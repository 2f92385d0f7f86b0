package dev.sparsed.cuda.internal;

import dev.sparsed.cuda.internal.driver.CudaStream;
import dev.sparsed.cuda.internal.driver.Fp8Blas;
import dev.sparsed.cuda.internal.kernel.KernelModules;
import dev.sparsed.cuda.internal.kernel.QuantizedTensor;
import dev.sparsed.cuda.internal.kernel.Quantizer;
import java.util.List;

/** What linear layers of 8-bit floats take, on one stream. */
final class Fp8 implements AutoCloseable {

    final Fp8Blas blas;
    final Quantizer quantizer;

    /**
     * Opens it.
     *
     * @param modules the device's kernels
     * @param stream where to run
     * @throws dev.sparsed.BackendUnavailableException if the device, or the cuBLASLt here, has no products of 8-bit floats
     */
    Fp8(KernelModules modules, CudaStream stream) {
        blas = new Fp8Blas(stream);
        try {
            quantizer = new Quantizer(modules, stream);
        } catch (Throwable e) {
            blas.close();
            throw e;
        }
    }

    /** {@return whether a matrix can be quantized; cuBLASLt wants both sizes to be multiples of 16} */
    static boolean serves(int rows, int columns) {
        return rows % Fp8Blas.ALIGNMENT == 0 && columns % QuantizedTensor.ALIGNMENT == 0;
    }

    @Override
    public void close() {
        Closing.all(List.of(blas, quantizer));
    }
}
