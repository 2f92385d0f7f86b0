package dev.sparsed.bench;

import dev.sparsed.spi.HeadLayout;

/** Floating-point operations of the kernels; a multiply-add counts as two, an exponential or a division as one. */
final class Flops {

    private Flops() {}

    /** {@return those of {@code [rows, in]·[out, in]ᵀ}} */
    static double linear(double rows, double in, double out) {
        return 2 * rows * in * out;
    }

    /** {@return those of Q·Kᵀ and of the weighted sum of the values; the softmax between them is not counted} */
    static double attention(double queries, double keys, HeadLayout heads) {
        return 4 * queries * keys * heads.queryColumns();
    }

    /** {@return those of RMSNorm: x², its sum, and two products} */
    static double rmsNorm(double rows, double columns) {
        return 4 * rows * columns;
    }

    /** {@return those of RoPE: four products and two sums per pair} */
    static double rope(double rows, double columns) {
        return 3 * rows * columns;
    }

    /** {@return those of SwiGLU: exponential, sum, quotient, product} */
    static double swiGlu(double rows, double columns) {
        return 4 * rows * columns;
    }
}
