package dev.sparsed.diffusion;

import dev.sparsed.spi.GreedyCandidates;
import java.util.SplittableRandom;

/** LLaDA's {@code random}, and the coin of Dream's {@code origin}: {@code c} uniform in [0, 1). */
record RandomConfidence() implements Confidence {

    @Override
    public float of(TokenDistribution distribution, int token, SplittableRandom random) {
        return (float) random.nextDouble();
    }

    @Override
    public Needs needs() {
        return Needs.PROBABILITY;
    }

    @Override
    public float ofGreedy(GreedyCandidates candidates, int row, SplittableRandom random) {
        return (float) random.nextDouble();
    }
}
