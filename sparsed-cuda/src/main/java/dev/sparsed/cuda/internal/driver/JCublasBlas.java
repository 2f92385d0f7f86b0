package dev.sparsed.cuda.internal.driver;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jcuda.Pointer;
import jcuda.cudaDataType;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasHandle;
import jcuda.jcublas.cublasOperation;
import jcuda.runtime.cudaStream_t;

/** Matrix products through JCublas and libcublas.so.12. */
final class JCublasBlas implements Blas {

    /**
     * The type of the sums. JCublas's cublasGemmStridedBatchedEx takes a cudaDataType here, as cuBLAS did before version 11; CUBLAS_COMPUTE_32F (68) would
     * be refused.
     */
    private static final int SUM_IN_F32 = cudaDataType.CUDA_R_32F;

    private final BlasWorkspace workspace;
    private final cublasHandle handle = new cublasHandle();
    private final MemorySegment factors; // alpha, beta
    private final Pointer alpha;
    private final Pointer beta;

    JCublasBlas(CudaStream stream) {
        workspace = new BlasWorkspace("cuBLAS", stream);
        factors = workspace.allocate(2 * Float.BYTES);
        factors.set(ValueLayout.JAVA_FLOAT, 0, 1f);
        alpha = Addresses.host(factors);
        beta = Addresses.host(factors.asSlice(Float.BYTES));
        try {
            Status.checkBlas(JCublas2.cublasCreate(handle), "opening cuBLAS");
            workspace.owns(() -> JCublas2.cublasDestroy(handle));
            Status.checkBlas(
                    JCublas2.cublasSetStream(handle, new cudaStream_t(stream.handle())), "giving cuBLAS its stream");
            Status.checkBlas(
                    JCublas2.cublasSetWorkspace(handle, Addresses.device(workspace.address()), workspace.bytes()),
                    "giving cuBLAS its workspace");
            Status.checkBlas(JCublas2.cublasSetMathMode(handle, BlasSettings.MATH_MODE), "setting cuBLAS's precision");
        } catch (RuntimeException e) {
            workspace.close();
            throw e;
        }
    }

    @Override
    public void multiply(Shape shape, int count, Operand x, Operand w, float betaValue, Operand c) {
        Blas.requireLeading(shape, x, w, c);
        workspace.requireOpen();
        factors.set(ValueLayout.JAVA_FLOAT, Float.BYTES, betaValue);
        // Column-major Cᵀ[n, m] = W · Xᵀ: what is row-major here is its transpose there.
        Status.checkBlas(
                JCublas2.cublasGemmStridedBatchedEx(
                        handle,
                        cublasOperation.CUBLAS_OP_T,
                        cublasOperation.CUBLAS_OP_N,
                        shape.n(),
                        shape.m(),
                        shape.k(),
                        alpha,
                        Addresses.device(w.address()),
                        shape.inputType().code,
                        w.leading(),
                        w.stride(),
                        Addresses.device(x.address()),
                        shape.inputType().code,
                        x.leading(),
                        x.stride(),
                        beta,
                        Addresses.device(c.address()),
                        shape.outputType().code,
                        c.leading(),
                        c.stride(),
                        count,
                        SUM_IN_F32,
                        BlasSettings.ALGORITHM),
                BlasSettings.MULTIPLYING);
    }

    @Override
    public String description() {
        workspace.requireOpen();
        int[] version = new int[1];
        Status.checkBlas(JCublas2.cublasGetVersion(handle, version), "reading cuBLAS's version");
        return BlasSettings.description(version[0], "JCublas");
    }

    @Override
    public void close() {
        workspace.close();
    }
}
