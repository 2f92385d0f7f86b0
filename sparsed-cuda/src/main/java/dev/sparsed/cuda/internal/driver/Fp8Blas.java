package dev.sparsed.cuda.internal.driver;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.sparsed.BackendUnavailableException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.LinkedHashMap;
import java.util.Map;
import jcuda.jcublas.cublasStatus;

/**
 * Products of matrices of 8-bit floats (e4m3) on one stream, by cuBLASLt. Row-major: C[i, j] = sₓ[i] · s_w[j] · Σₗ X[i, l] · W[j, l] + β · C[i, j],
 * C in bf16. The tensor cores' own accumulators keep some 14 bits of these products, so cuBLASLt adds them up in float32 every few of them;
 * the system property {@code sparsed.cuda.fp8.accumulation} set to {@code fast} leaves that out. For one thread at a time; may be captured in a graph.
 */
public final class Fp8Blas implements AutoCloseable {

    /** What n, k, and the addresses have to be multiples of. */
    public static final int ALIGNMENT = 16;

    private static final String PLANNING = "planning a product of 8-bit floats with cuBLASLt";
    private static final int CUDA_R_32F = 0;
    private static final int CUDA_R_16BF = 14;
    private static final int CUDA_R_8F_E4M3 = 28;
    private static final int COMPUTE_32F = 68;

    // cublasLtMatmulDescAttributes_t and the values that are not their defaults
    private static final int TRANSPOSE_A = 3;
    private static final int OP_T = 1;
    private static final int SCALES_OF_A = 17;
    private static final int SCALES_OF_B = 18;
    private static final int FAST_ACCUMULATION = 25;
    private static final int SCALE_MODE_OF_A = 31;
    private static final int SCALE_MODE_OF_B = 32;
    private static final int SCALE_FOR_EVERY_ROW = 3; // CUBLASLT_MATMUL_MATRIX_SCALE_OUTER_VEC_32F

    private static final int NOT_SUPPORTED = cublasStatus.CUBLAS_STATUS_NOT_SUPPORTED;

    private static final int PREFERENCE_WORKSPACE_BYTES = 1;

    /** cublasLtMatmulHeuristicResult_t: the algorithm, its workspace, its status, and more. */
    private static final int ALGORITHM_BYTES = 64;

    private static final int RESULT_BYTES = ALGORITHM_BYTES + 32;
    private static final int RESULT_STATUS = ALGORITHM_BYTES + 8;

    /** Steps forward ever fewer eligible rows through the last layer; only the latest shapes come again. */
    private static final int MOST_PLANS = 64;

    private final BlasLt library = BlasLt.get();
    private final boolean fastAccumulation =
            System.getProperty("sparsed.cuda.fp8.accumulation", "").equals("fast");
    private final CudaStream stream;
    private final BlasWorkspace workspace;
    private final MemorySegment alpha;
    private final MemorySegment beta;
    private final MemorySegment pointer;
    private final MemorySegment handle;
    private final Map<Shape, Plan> plans = new LinkedHashMap<>(16, 0.75f, true);

    private record Shape(int m, int n, int k) {}

    /** Made once for a shape. */
    private record Plan(
            MemorySegment product,
            MemorySegment w,
            MemorySegment x,
            MemorySegment c,
            MemorySegment algorithm,
            Arena owned) {}

    /**
     * Opens cuBLASLt.
     *
     * @param stream the stream it works on; this thread is bound to its device
     * @throws BackendUnavailableException if there is no cuBLASLt of CUDA 12.9 or newer, or it has no such product for this device
     */
    public Fp8Blas(CudaStream stream) {
        this.stream = stream;
        workspace = new BlasWorkspace("cuBLASLt", stream);
        alpha = workspace.allocate(Float.BYTES);
        alpha.set(JAVA_FLOAT, 0, 1f);
        beta = workspace.allocate(Float.BYTES);
        pointer = workspace.allocate(ADDRESS.byteSize());
        try {
            Status.checkBlas((int) library.create.invokeExact(pointer), "opening cuBLASLt");
            handle = pointer.get(ADDRESS, 0);
            workspace.owns(this::destroy);
            requireServed();
        } catch (Throwable e) {
            workspace.close();
            throw NativeLibrary.unchecked(e);
        }
    }

    private int destroy() throws Throwable {
        plans.values().forEach(plan -> plan.owned.close());
        return (int) library.destroy.invokeExact(handle);
    }

    /** cuBLASLt says only for a shape whether it serves a device. */
    private void requireServed() {
        try {
            plan(new Shape(128, 128, 128), workspace.address(), workspace.address());
        } catch (CudaException e) {
            throw new BackendUnavailableException(
                    description() + " has no product of 8-bit floats with a scale for every row on "
                            + stream.device().name() + " (" + e.getMessage() + "): load without quantization");
        }
    }

    /**
     * C = X · Wᵀ + β · C.
     *
     * @param m rows of X and C, positive
     * @param n rows of W, columns of C, a positive multiple of {@link #ALIGNMENT}
     * @param k columns of X and W, a positive multiple of {@link #ALIGNMENT}
     * @param x device address of X, e4m3
     * @param xScales device address of m floats
     * @param w device address of W, e4m3
     * @param wScales device address of n floats
     * @param beta 0 to overwrite C, 1 to add to it
     * @param c device address of C, bf16
     * @throws IllegalArgumentException if a size or an address is not aligned
     * @throws CudaException if cuBLASLt refuses
     */
    public void multiply(int m, int n, int k, long x, long xScales, long w, long wScales, float beta, long c) {
        workspace.requireOpen();
        if (m <= 0 || n <= 0 || k <= 0 || n % ALIGNMENT != 0 || k % ALIGNMENT != 0) {
            throw new IllegalArgumentException("product of 8-bit floats of m = " + m + ", n = " + n + ", k = " + k
                    + ": all positive, n and k multiples of " + ALIGNMENT);
        }
        if (((x | w | c | xScales | wScales) & ALIGNMENT - 1) != 0) {
            throw new IllegalArgumentException(
                    "product of 8-bit floats: addresses have to be multiples of " + ALIGNMENT);
        }
        Plan plan = plan(new Shape(m, n, k), wScales, xScales);
        this.beta.set(JAVA_FLOAT, 0, beta);
        MemorySegment result = MemorySegment.ofAddress(c);
        int code;
        try {
            // Column-major Cᵀ[n, m] = W · Xᵀ: what is row-major here is its transpose there.
            code = (int) library.multiply.invokeExact(
                    handle,
                    plan.product,
                    alpha,
                    MemorySegment.ofAddress(w),
                    plan.w,
                    MemorySegment.ofAddress(x),
                    plan.x,
                    this.beta,
                    result,
                    plan.c,
                    result,
                    plan.c,
                    plan.algorithm,
                    MemorySegment.ofAddress(workspace.address()),
                    workspace.bytes(),
                    MemorySegment.ofAddress(stream.address()));
        } catch (Throwable e) {
            throw NativeLibrary.unchecked(e);
        }
        Status.checkBlas(code, "multiplying matrices of 8-bit floats with cuBLASLt");
    }

    /** The plan of a shape, with these scales. */
    private Plan plan(Shape shape, long wScales, long xScales) {
        try {
            Plan plan = plans.get(shape);
            if (plan != null) {
                setScales(plan.product, wScales, xScales);
                return plan;
            }
            if (plans.size() == MOST_PLANS) {
                plans.remove(plans.keySet().iterator().next()).owned.close();
            }
            plan = newPlan(shape, wScales, xScales);
            plans.put(shape, plan);
            return plan;
        } catch (Throwable e) {
            throw NativeLibrary.unchecked(e);
        }
    }

    private void setScales(MemorySegment product, long wScales, long xScales) throws Throwable {
        pointer.set(ADDRESS, 0, MemorySegment.ofAddress(wScales));
        setAttribute(product, SCALES_OF_A, pointer);
        pointer.set(ADDRESS, 0, MemorySegment.ofAddress(xScales));
        setAttribute(product, SCALES_OF_B, pointer);
    }

    private void setAttribute(MemorySegment product, int attribute, MemorySegment value) throws Throwable {
        Status.checkBlas(
                (int) library.setProductAttribute.invokeExact(product, attribute, value, value.byteSize()), PLANNING);
    }

    private Plan newPlan(Shape shape, long wScales, long xScales) throws Throwable {
        Arena owned = Arena.ofShared();
        try {
            MemorySegment out = owned.allocate(ADDRESS);
            Status.checkBlas((int) library.createProduct.invokeExact(out, COMPUTE_32F, CUDA_R_32F), PLANNING);
            MemorySegment product = owned(out, library.destroyProduct, owned);
            setAttribute(product, TRANSPOSE_A, owned.allocateFrom(JAVA_INT, OP_T));
            setAttribute(product, SCALE_MODE_OF_A, owned.allocateFrom(JAVA_INT, SCALE_FOR_EVERY_ROW));
            setAttribute(product, SCALE_MODE_OF_B, owned.allocateFrom(JAVA_INT, SCALE_FOR_EVERY_ROW));
            setAttribute(product, FAST_ACCUMULATION, owned.allocateFrom(JAVA_BYTE, (byte) (fastAccumulation ? 1 : 0)));
            setScales(product, wScales, xScales);
            MemorySegment w = layout(CUDA_R_8F_E4M3, shape.k, shape.n, owned);
            MemorySegment x = layout(CUDA_R_8F_E4M3, shape.k, shape.m, owned);
            MemorySegment c = layout(CUDA_R_16BF, shape.n, shape.m, owned);
            return new Plan(product, w, x, c, algorithm(product, w, x, c, owned), owned);
        } catch (Throwable e) {
            owned.close();
            throw e;
        }
    }

    /** A column-major matrix without gaps. */
    private MemorySegment layout(int type, long rows, long columns, Arena owner) throws Throwable {
        MemorySegment out = owner.allocate(ADDRESS);
        Status.checkBlas((int) library.createLayout.invokeExact(out, type, rows, columns, rows), PLANNING);
        return owned(out, library.destroyLayout, owner);
    }

    /** What cuBLASLt considers the fastest algorithm. */
    private MemorySegment algorithm(
            MemorySegment product, MemorySegment w, MemorySegment x, MemorySegment c, Arena owner) throws Throwable {
        try (Arena scratch = Arena.ofConfined()) {
            MemorySegment out = scratch.allocate(ADDRESS);
            Status.checkBlas((int) library.createPreference.invokeExact(out), PLANNING);
            MemorySegment preference = owned(out, library.destroyPreference, scratch);
            MemorySegment bytes = scratch.allocateFrom(JAVA_LONG, workspace.bytes());
            Status.checkBlas(
                    (int) library.setPreferenceAttribute.invokeExact(
                            preference, PREFERENCE_WORKSPACE_BYTES, bytes, bytes.byteSize()),
                    PLANNING);
            MemorySegment result = scratch.allocate(RESULT_BYTES, Long.BYTES);
            MemorySegment count = scratch.allocate(JAVA_INT);
            Status.checkBlas(
                    (int) library.findAlgorithms.invokeExact(handle, product, w, x, c, c, preference, 1, result, count),
                    PLANNING);
            Status.checkBlas(
                    count.get(JAVA_INT, 0) == 0 ? NOT_SUPPORTED : result.get(JAVA_INT, RESULT_STATUS), PLANNING);
            return owner.allocate(ALGORITHM_BYTES, Long.BYTES).copyFrom(result.asSlice(0, ALGORITHM_BYTES));
        }
    }

    /** An object of cuBLASLt that is destroyed when the arena is closed. */
    @SuppressWarnings("restricted") // calling native code is its job
    private static MemorySegment owned(MemorySegment out, MethodHandle destroy, Arena owner) {
        return out.get(ADDRESS, 0).reinterpret(owner, object -> {
            try {
                Status.checkBlas((int) destroy.invokeExact(object), "freeing what a product was planned with");
            } catch (Throwable e) {
                throw NativeLibrary.unchecked(e);
            }
        });
    }

    /** {@return the library and its version} */
    public String description() {
        return "cuBLASLt " + BlasSettings.version(library.version)
                + (fastAccumulation ? " with fast accumulation (" : " (") + library.name + ")";
    }

    @Override
    public void close() {
        workspace.close();
    }
}
