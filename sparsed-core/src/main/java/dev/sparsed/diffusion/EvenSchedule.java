package dev.sparsed.diffusion;

/**
 * LLaDA's schedule (arXiv 2502.09992, §2.4): every step of a block commits the same number of masks. With m masks and k
 * steps these are ⌊m/k⌋, and one more in the first m mod k steps.
 */
public record EvenSchedule() implements CommitRule {

    @Override
    public int[] choose(Candidates candidates, BlockStep step) {
        int extra = step.index() < step.masks() % step.count() ? 1 : 0;
        return candidates.first(step.masks() / step.count() + extra);
    }
}
