package dev.sparsed.diffusion;

import java.util.SplittableRandom;

/** LLaDA's {@code random}, and the coin of Dream's {@code origin}: {@code c} uniform in [0, 1). */
record RandomConfidence() implements Confidence {

    @Override
    public float of(TokenDistribution distribution, int token, SplittableRandom random) {
        return (float) random.nextDouble();
    }

    @Override
    public boolean needsOnlyTheProbability() {
        return true;
    }

    @Override
    public float ofGreedy(float probability, SplittableRandom random) {
        return (float) random.nextDouble();
    }
}
