package dev.sparsed.attention;

/**
 * SparseD (arXiv 2509.24014, ICLR 2026). Patterns differ from head to head, hardly change from step to step, and early steps matter most:
 * with e = ⌊T·skip⌋ + 1, the steps 0 … e are dense, step e also selects a pattern per layer and head ({@link SelectionRule}), and the
 * steps e + 1 … T − 1 are block-sparse with it. If e ≥ T − 1, all steps are dense and nothing is selected.
 *
 * @param skip s, the share of steps that stay dense, ≥ 0; 1 and above is all dense
 * @param select ρ, the share of key blocks to keep, 0 … 1
 * @param blockSize B, positions per block, ≥ 1
 */
public record SparseD(double skip, double select, int blockSize) implements AttentionPolicy {

    /** Checks the ranges. */
    public SparseD {
        if (!(skip >= 0 && skip < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException("skip = " + skip + ": must be a number >= 0");
        }
        if (!(select >= 0 && select <= 1)) {
            throw new IllegalArgumentException("select = " + select + ": must be 0 ... 1");
        }
        if (blockSize < 1) {
            throw new IllegalArgumentException("blockSize = " + blockSize + ": must be at least 1");
        }
    }

    /** {@return the paper's setting for long contexts: skip 0.2, select 0.3, blocks of 128} */
    public static SparseD longContext() {
        return new SparseD(0.2, 0.3, 128);
    }

    /** {@return the paper's setting for short contexts: skip 0.2, select 0.5, blocks of 32} */
    public static SparseD shortContext() {
        return new SparseD(0.2, 0.5, 32);
    }

    /**
     * The same with a fixed number of dense steps instead of a share of them: for generations whose number of steps is not known beforehand.
     *
     * @param denseSteps the first so many steps are dense, ≥ 1; the last of them selects
     * @return the policy
     */
    public AttentionPolicy afterSteps(int denseSteps) {
        return new AfterSteps(this, denseSteps);
    }

    @Override
    public AttentionPlan plan(int canvasLength, int generationLength, int steps, int layers) {
        return planned(canvasLength, generationLength, steps, layers, Math.floor(steps * skip) + 1);
    }

    private AttentionPlan planned(int canvasLength, int generationLength, int steps, int layers, double selecting) {
        SelectionRule rule = new SelectionRule(new BlockLayout(canvasLength, generationLength, blockSize), select);
        return new AttentionPlan(
                step -> mode(step, selecting, steps), rule, layers); // a double: skip may be far above 1
    }

    private static AttentionMode mode(int step, double selecting, int steps) {
        if (selecting >= steps - 1 || step < selecting) {
            return AttentionMode.DENSE;
        }
        return step == selecting ? AttentionMode.DENSE_AND_SELECT : AttentionMode.BLOCK_SPARSE;
    }

    /** {@link SparseD} whose first steps are counted. */
    private record AfterSteps(SparseD method, int denseSteps) implements AttentionPolicy {

        AfterSteps {
            if (denseSteps < 1) {
                throw new IllegalArgumentException("denseSteps = " + denseSteps + ": must be at least 1");
            }
        }

        @Override
        public AttentionPlan plan(int canvasLength, int generationLength, int steps, int layers) {
            return method.planned(canvasLength, generationLength, steps, layers, denseSteps - 1);
        }
    }
}
