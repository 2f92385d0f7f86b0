package dev.sparsed.cuda.internal.driver;

/** What both ways into cuBLAS have in common. */
final class BlasSettings {

    static final String MULTIPLYING = "multiplying matrices with cuBLAS";

    /** CUBLAS_DEFAULT_MATH (no TF32) with CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION: split sums are added in float32. */
    static final int MATH_MODE = 16;

    /** CUBLAS_GEMM_DEFAULT: cuBLAS chooses by the shape. */
    static final int ALGORITHM = -1;

    /** What cuBLAS itself takes on Hopper; with one given it allocates none, which a graph's capture would not allow. */
    private static final long WORKSPACE_BYTES = 32L << 20;

    private BlasSettings() {}

    static DeviceBuffer workspace(CudaStream stream) {
        return stream.device().memory().borrow(WORKSPACE_BYTES, "cuBLAS's workspace", stream);
    }

    /** A version number is 10000 × major + 100 × minor + patch since version 12. */
    static String description(int version, String through) {
        return "cuBLAS " + version / 10000 + "." + version % 10000 / 100 + "." + version % 100 + " (" + through + ")";
    }
}
