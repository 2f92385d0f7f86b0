package dev.sparsed.diffusion;

import java.util.SplittableRandom;

/**
 * Dream's {@code entropy}: {@code c = Σ p·ln(p + 1e-10)} over the probabilities after temperature, top-p and top-k, so that the lowest
 * entropy goes first. Never above 0.
 */
record NegativeEntropy() implements Confidence {

    private static final double EPSILON = 1e-10;

    @Override
    public float of(TokenDistribution distribution, int token, SplittableRandom random) {
        return (float) distribution.negativeEntropy(EPSILON);
    }
}
