package dev.sparsed.attention;

/**
 * SparseD's schedule (arXiv 2509.24014, §3.2): the steps before e are dense, step e is dense and selects, those after it are block-sparse. If e ≥
 * T − 1, no step would use the selection, and all are dense.
 *
 * @param selecting e; a double, since it may be far beyond T
 * @param steps T
 */
record SelectOnce(double selecting, int steps) {

    /** The schedule with e = ⌊T·skip⌋ + 1. */
    static SelectOnce after(double skip, int steps) {
        return new SelectOnce(Math.floor(steps * skip) + 1, steps);
    }

    AttentionMode mode(int step) {
        if (selecting >= steps - 1 || step < selecting) {
            return AttentionMode.DENSE;
        }
        return step == selecting ? AttentionMode.DENSE_AND_SELECT : AttentionMode.BLOCK_SPARSE;
    }
}
