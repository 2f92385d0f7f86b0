package dev.sparsed.attention;

/** How attention looks in one denoising step. */
public enum AttentionMode {
    /** Every query attends to every key. */
    DENSE,
    /** Dense, and the pattern of every layer is selected from this step's queries and keys. */
    DENSE_AND_SELECT,
    /** Block-sparse, with the patterns the plan holds. */
    BLOCK_SPARSE,
    /** The pattern of every layer is selected from this step's queries and keys, and this step attends with it. */
    SELECT_AND_SPARSE;

    /** {@return whether the step selects patterns; it then forwards the whole canvas} */
    public boolean selects() {
        return this == DENSE_AND_SELECT || this == SELECT_AND_SPARSE;
    }
}
