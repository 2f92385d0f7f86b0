package dev.sparsed.cuda.internal.driver;

import dev.sparsed.BackendUnavailableException;
import java.util.Optional;

/**
 * Matrix products on one stream, by cuBLAS. Everything is row-major: C[m, n] = X[m, k] · W[n, k]ᵀ + β · C. Sums are in float32, without
 * TF32, and not reduced in bf16. The same call gives the same bits every time: the workspace is fixed. For one thread at a time; may be
 * captured in a graph.
 */
public interface Blas extends AutoCloseable {

    /** An element's type. */
    enum Type {
        /** 2 bytes. */
        BF16(14, 2),
        /** 4 bytes. */
        F32(0, 4);

        /** cudaDataType. */
        final int code;

        private final int bytes;

        Type(int code, int bytes) {
            this.code = code;
            this.bytes = bytes;
        }

        /** {@return its size in bytes} */
        public int bytes() {
            return bytes;
        }
    }

    /**
     * One product, or several of one shape.
     *
     * @param m rows of X and C, positive
     * @param n rows of W, columns of C, positive
     * @param k columns of X and W, positive
     * @param inputType the type of X and W
     * @param outputType the type of C; {@code F32} if the inputs are
     */
    record Shape(int m, int n, int k, Type inputType, Type outputType) {

        /** Checks it. */
        public Shape {
            if (m <= 0 || n <= 0 || k <= 0) {
                throw new IllegalArgumentException(
                        "matrix product of m = " + m + ", n = " + n + ", k = " + k + ": all positive");
            }
            if (inputType == Type.F32 && outputType == Type.BF16) {
                throw new IllegalArgumentException("a matrix product of float32 gives float32, not bf16");
            }
        }
    }

    /**
     * A matrix on the device, or several of one shape that lie at even distances.
     *
     * @param address the (first) matrix's
     * @param leading elements from a row to the next, at least the columns
     * @param stride elements from a matrix to the next; 0 for one that serves all products
     */
    record Operand(long address, int leading, long stride) {

        /** One matrix. */
        public Operand(long address, int leading) {
            this(address, leading, 0);
        }
    }

    /**
     * C = X · Wᵀ + β · C, once or for several matrices of one shape: Cᵢ = Xᵢ · Wᵢᵀ + β · Cᵢ.
     *
     * @param shape sizes and types of each
     * @param count how many products, positive
     * @param x X, [m, k]
     * @param w W, [n, k]
     * @param beta 0 to overwrite C, 1 to add to it
     * @param c C, [m, n]
     * @throws IllegalArgumentException if a leading dimension is too small
     * @throws CudaException if cuBLAS refuses
     */
    void multiply(Shape shape, int count, Operand x, Operand w, float beta, Operand c);

    /** {@return the library and its version, such as {@code cuBLAS 13.1.0 (libcublas.so.13)}} */
    String description();

    @Override
    void close();

    /** {@return why cuBLAS cannot be used and what to install; empty if it can} */
    static Optional<String> unavailableBecause() {
        return BlasLibrary.available().isPresent() ? Optional.empty() : Optional.of(BlasLibrary.NONE);
    }

    /**
     * Opens cuBLAS: through JCublas where libcublas.so.12 is found, else through libcublas.so.13.
     *
     * @param stream the stream it works on; this thread is bound to its device
     * @return the products; the caller closes them before the stream
     * @throws BackendUnavailableException if there is neither library; the message says what to install
     */
    static Blas open(CudaStream stream) {
        return switch (BlasLibrary.available().orElseThrow(() -> new BackendUnavailableException(BlasLibrary.NONE))) {
            case CUDA_12 -> new JCublasBlas(stream);
            case CUDA_13 -> new NativeBlas(stream);
        };
    }

    /**
     * Checks leading dimensions.
     *
     * @param shape m, n, k
     * @param x X
     * @param w W
     * @param c C
     * @throws IllegalArgumentException if one is smaller than a row
     */
    static void requireLeading(Shape shape, Operand x, Operand w, Operand c) {
        if (x.leading < shape.k() || w.leading < shape.k() || c.leading < shape.n()) {
            throw new IllegalArgumentException("matrix product " + shape + ": leading dimensions " + x.leading + ", "
                    + w.leading + ", " + c.leading + " of X, W, C have to be at least k, k, n");
        }
    }
}
