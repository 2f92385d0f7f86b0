package dev.sparsed.cuda.internal.driver;

/** What both ways into cuBLAS have in common. */
final class BlasSettings {

    static final String MULTIPLYING = "multiplying matrices with cuBLAS";

    /** CUBLAS_DEFAULT_MATH (no TF32) with CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION: split sums are added in float32. */
    static final int MATH_MODE = 16;

    /** CUBLAS_GEMM_DEFAULT: cuBLAS chooses by the shape. */
    static final int ALGORITHM = -1;

    private BlasSettings() {}

    /** {@return a library and its version, as users are told} */
    static String description(int version, String through) {
        return "cuBLAS " + version(version) + " (" + through + ")";
    }

    /** {@return a version in words: its number is 10000 × major + 100 × minor + patch since version 12} */
    static String version(int number) {
        return number / 10000 + "." + number % 10000 / 100 + "." + number % 100;
    }
}
