package dev.sparsed.diffusion;

/**
 * Fast-dLLM's factor (arXiv 2505.22618, §3.3): with confidences c₁ ≥ c₂ ≥ …, commit the largest n with (n + 1)·(1 −
 * c_n) ≤ f, at least 1.
 *
 * @param factor f, ≥ 0
 */
public record Factor(double factor) implements CommitRule {

    /** Checks the range. */
    public Factor {
        if (!(factor >= 0 && Double.isFinite(factor))) {
            throw new IllegalArgumentException("factor = " + factor + ": must be a number >= 0");
        }
    }

    @Override
    public int[] choose(Candidates candidates, BlockStep step) {
        int[] ranked = candidates.ranked();
        int count = 1;
        for (int n = 2; n <= ranked.length; n++) {
            if ((n + 1) * (1.0 - candidates.confidences()[ranked[n - 1]]) <= factor) {
                count = n;
            }
        }
        return candidates.first(count);
    }

    @Override
    public boolean isParallel() {
        return true;
    }
}
