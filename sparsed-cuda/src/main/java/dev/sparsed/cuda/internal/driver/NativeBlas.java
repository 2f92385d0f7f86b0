package dev.sparsed.cuda.internal.driver;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.sparsed.BackendUnavailableException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.List;

/** Matrix products through {@code java.lang.foreign} and libcublas.so.13. */
final class NativeBlas implements Blas {

    private static final int OP_N = 0;
    private static final int OP_T = 1;
    private static final int COMPUTE_32F = 68;

    private final BlasWorkspace workspace;
    private final MemorySegment alpha;
    private final MemorySegment beta;
    private final MemorySegment handle;

    NativeBlas(CudaStream stream) {
        workspace = new BlasWorkspace("cuBLAS", stream);
        alpha = workspace.allocate(Float.BYTES);
        alpha.set(JAVA_FLOAT, 0, 1f);
        beta = workspace.allocate(Float.BYTES);
        try {
            MemorySegment out = workspace.allocate(ADDRESS.byteSize());
            Status.checkBlas((int) Functions.CREATE.invokeExact(out), "opening cuBLAS");
            MemorySegment opened = out.get(ADDRESS, 0);
            workspace.owns(() -> (int) Functions.DESTROY.invokeExact(opened));
            Status.checkBlas(
                    (int) Functions.SET_STREAM.invokeExact(opened, MemorySegment.ofAddress(stream.address())),
                    "giving cuBLAS its stream");
            Status.checkBlas(
                    (int) Functions.SET_WORKSPACE.invokeExact(
                            opened, MemorySegment.ofAddress(workspace.address()), workspace.bytes()),
                    "giving cuBLAS its workspace");
            Status.checkBlas(
                    (int) Functions.SET_MATH_MODE.invokeExact(opened, BlasSettings.MATH_MODE),
                    "setting cuBLAS's precision");
            handle = opened;
        } catch (Throwable e) {
            workspace.close();
            throw NativeLibrary.unchecked(e);
        }
    }

    @Override
    public void multiply(Shape shape, int count, Operand x, Operand w, float betaValue, Operand c) {
        Blas.requireLeading(shape, x, w, c);
        workspace.requireOpen();
        beta.set(JAVA_FLOAT, 0, betaValue);
        int code;
        try {
            // Column-major Cᵀ[n, m] = W · Xᵀ: what is row-major here is its transpose there.
            code = (int) Functions.GEMM.invokeExact(
                    handle,
                    OP_T,
                    OP_N,
                    shape.n(),
                    shape.m(),
                    shape.k(),
                    alpha,
                    MemorySegment.ofAddress(w.address()),
                    shape.inputType().code,
                    w.leading(),
                    w.stride(),
                    MemorySegment.ofAddress(x.address()),
                    shape.inputType().code,
                    x.leading(),
                    x.stride(),
                    beta,
                    MemorySegment.ofAddress(c.address()),
                    shape.outputType().code,
                    c.leading(),
                    c.stride(),
                    count,
                    COMPUTE_32F,
                    BlasSettings.ALGORITHM);
        } catch (Throwable e) {
            throw NativeLibrary.unchecked(e);
        }
        Status.checkBlas(code, BlasSettings.MULTIPLYING);
    }

    @Override
    public String description() {
        workspace.requireOpen();
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment version = scratch.allocate(JAVA_INT);
            Status.checkBlas((int) Functions.VERSION.invokeExact(handle, version), "reading cuBLAS's version");
            return BlasSettings.description(version.get(JAVA_INT, 0), Functions.LIBRARY.name());
        } catch (Throwable e) {
            throw NativeLibrary.unchecked(e);
        }
    }

    @Override
    public void close() {
        workspace.close();
    }

    /** Of cublas_api.h; the names with {@code _v2} are what that header's macros stand for. */
    private static final class Functions {
        static final NativeLibrary LIBRARY =
                BlasLibrary.CUDA_13.load().orElseThrow(() -> new BackendUnavailableException(BlasLibrary.NONE));
        static final MethodHandle CREATE = LIBRARY.function("cublasCreate_v2", ADDRESS);
        static final MethodHandle DESTROY = LIBRARY.function("cublasDestroy_v2", ADDRESS);
        static final MethodHandle VERSION = LIBRARY.function("cublasGetVersion_v2", ADDRESS, ADDRESS);
        static final MethodHandle SET_STREAM = LIBRARY.function("cublasSetStream_v2", ADDRESS, ADDRESS);
        static final MethodHandle SET_WORKSPACE =
                LIBRARY.function("cublasSetWorkspace_v2", ADDRESS, ADDRESS, JAVA_LONG);
        static final MethodHandle SET_MATH_MODE = LIBRARY.function("cublasSetMathMode", ADDRESS, JAVA_INT);
        static final MethodHandle GEMM = LIBRARY.function("cublasGemmStridedBatchedEx", batched());

        private Functions() {}

        /** handle, transa, transb, m, n, k, alpha, A, B, beta, C, count, type of the sums, algorithm. */
        private static MemoryLayout[] batched() {
            MemoryLayout[] matrix = {ADDRESS, JAVA_INT, JAVA_INT, JAVA_LONG};
            List<MemoryLayout> all =
                    new ArrayList<>(List.of(ADDRESS, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS));
            all.addAll(List.of(matrix));
            all.addAll(List.of(matrix));
            all.add(ADDRESS);
            all.addAll(List.of(matrix));
            all.addAll(List.of(JAVA_INT, JAVA_INT, JAVA_INT));
            return all.toArray(MemoryLayout[]::new);
        }
    }
}
