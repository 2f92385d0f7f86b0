package dev.sparsed.diffusion;

import dev.sparsed.spi.GreedyCandidates;
import java.util.SplittableRandom;

/**
 * Dream's {@code entropy}: {@code c = Σ p·ln(p + 1e-10)} over the probabilities after temperature, top-p and top-k, so
 * that the lowest entropy goes first. Never above 0.
 */
record NegativeEntropy() implements Confidence {

    @Override
    public float of(TokenDistribution distribution, int token, SplittableRandom random) {
        return (float) distribution.negativeEntropy(GreedyCandidates.EPSILON);
    }

    @Override
    public Needs needs() {
        return Needs.STATISTICS;
    }

    @Override
    public float ofGreedy(GreedyCandidates candidates, int row, SplittableRandom random) {
        return candidates.negativeEntropies()[row];
    }
}
