package dev.sparsed.attention;

/** How attention looks in one denoising step. */
public enum AttentionMode {
    /** Every query attends to every key. */
    DENSE,
    /** Dense, and the pattern of every layer is selected from this step's queries and keys. */
    DENSE_AND_SELECT,
    /** Block-sparse, with the patterns the plan holds. */
    BLOCK_SPARSE
}
