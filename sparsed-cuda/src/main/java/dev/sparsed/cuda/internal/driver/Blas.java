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
     * C = X · Wᵀ + β · C.
     *
     * @param shape sizes and types
     * @param x X's device address
     * @param ldx elements from a row of X to the next, at least k
     * @param w W's device address
     * @param ldw elements from a row of W to the next, at least k
     * @param beta 0 to overwrite C, 1 to add to it
     * @param c C's device address
     * @param ldc elements from a row of C to the next, at least n
     * @throws IllegalArgumentException if a leading dimension is too small
     * @throws CudaException if cuBLAS refuses
     */
    void multiply(Shape shape, long x, int ldx, long w, int ldw, float beta, long c, int ldc);

    /**
     * The same for several matrices that lie at even distances: Cᵢ = Xᵢ · Wᵢᵀ + β · Cᵢ.
     *
     * @param shape sizes and types of each
     * @param count how many, positive
     * @param x the first X's device address
     * @param ldx elements from a row of X to the next, at least k
     * @param strideX elements from an X to the next; 0 for one X
     * @param w the first W's device address
     * @param ldw elements from a row of W to the next, at least k
     * @param strideW elements from a W to the next; 0 for one W
     * @param beta 0 to overwrite C, 1 to add to it
     * @param c the first C's device address
     * @param ldc elements from a row of C to the next, at least n
     * @param strideC elements from a C to the next
     * @throws IllegalArgumentException if a leading dimension is too small
     * @throws CudaException if cuBLAS refuses
     */
    void multiplyEach(
            Shape shape,
            int count,
            long x,
            int ldx,
            long strideX,
            long w,
            int ldw,
            long strideW,
            float beta,
            long c,
            int ldc,
            long strideC);

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

    /** Checks leading dimensions. */
    static void requireLeading(Shape shape, int ldx, int ldw, int ldc) {
        if (ldx < shape.k() || ldw < shape.k() || ldc < shape.n()) {
            throw new IllegalArgumentException("matrix product " + shape + ": leading dimensions " + ldx + ", " + ldw
                    + ", " + ldc + " of X, W, C have to be at least k, k, n");
        }
    }
}
