package dev.sparsed.spi;

/** What the weights of a model's linear layers are rounded to beyond the type it computes in; smaller, faster, less exact. */
public enum Quantization {
    /** Nothing is: weights keep the type the backend computes in. */
    NONE,
    /**
     * 8-bit floats, e4m3 (arXiv 2209.05433: 4 bits of exponent, 3 of mantissa, up to 448), with one float32 scale for every row of a weight and
     * of its input: a row's largest magnitude becomes 448. Inputs are quantized as they come. Products are bf16 with float32 sums. Embedding,
     * LM head, norms, dense attention and selection are not quantized; a backend may compute block-sparse attention in 8-bit floats, too.
     */
    FP8,
    /**
     * 8-bit integers with one float32 scale for every row of a weight and of its input: a row's largest magnitude becomes 127. Inputs are
     * quantized as they come. Sums of products are exact; the scales are applied to them in float32. Embedding, LM head, norms and attention are
     * not quantized.
     */
    INT8
}
