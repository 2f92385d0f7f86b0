package dev.sparsed.diffusion;

/**
 * Fast-dLLM's confidence threshold (arXiv 2505.22618, §3.3): commit the surest candidate, and every one whose
 * confidence is at least τ.
 *
 * @param threshold τ, 0 … 1
 */
public record Threshold(double threshold) implements CommitRule {

    /** Checks the range. */
    public Threshold {
        if (!(threshold >= 0 && threshold <= 1)) {
            throw new IllegalArgumentException("threshold = " + threshold + ": must be 0 ... 1");
        }
    }

    @Override
    public int[] choose(Candidates candidates, BlockStep step) {
        int[] ranked = candidates.ranked();
        int count = 1;
        while (count < ranked.length && candidates.confidences()[ranked[count]] >= (float) threshold) {
            count++;
        }
        return candidates.first(count);
    }

    @Override
    public boolean isParallel() {
        return true;
    }
}
