package dev.sparsed.diffusion;

import dev.sparsed.spi.GreedyCandidates;
import java.util.SplittableRandom;

/**
 * Dream's {@code topk_margin}: {@code c = p₁ − p₂}, the two largest probabilities after temperature, top-p and top-k.
 */
record TopkMargin() implements Confidence {

    @Override
    public float of(TokenDistribution distribution, int token, SplittableRandom random) {
        return (float) distribution.margin();
    }

    @Override
    public Needs needs() {
        return Needs.STATISTICS;
    }

    @Override
    public float ofGreedy(GreedyCandidates candidates, int row, SplittableRandom random) {
        return candidates.margins()[row];
    }
}
