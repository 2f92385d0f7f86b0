package dev.sparsed.diffusion;

/**
 * The entropy bound of the EB-sampler (arXiv 2505.24857, §4): in the order of confidence, commit candidates as long as
 * the entropies of those committed add up to at most γ, not counting the largest of them. That sum bounds what the
 * candidates tell about each other. The first is always committed.
 *
 * @param bound γ ≥ 0, in nats
 */
public record EntropyBound(double bound) implements CommitRule {

    /** Checks the range. */
    public EntropyBound {
        if (!(bound >= 0 && Double.isFinite(bound))) {
            throw new IllegalArgumentException("entropyBound = " + bound + ": must be a number >= 0");
        }
    }

    @Override
    public int[] choose(Candidates candidates, BlockStep step) {
        int[] ranked = candidates.ranked();
        double sum = 0;
        double largest = 0;
        int count = 0;
        for (int row : ranked) {
            double entropy = candidates.entropies()[row];
            sum += entropy;
            largest = Math.max(largest, entropy);
            if (count > 0 && sum - largest > bound) {
                break;
            }
            count++;
        }
        return candidates.first(count);
    }

    @Override
    public boolean isParallel() {
        return true;
    }

    @Override
    public boolean needsEntropies() {
        return true;
    }
}
