package dev.sparsed.diffusion;

import dev.sparsed.spi.GreedyCandidates;
import java.util.SplittableRandom;

/** Dream's {@code maskgit_plus}: {@code c = p[x]}, the candidate's probability after temperature, top-p and top-k. */
record MaskgitPlus() implements Confidence {

    @Override
    public float of(TokenDistribution distribution, int token, SplittableRandom random) {
        return (float) distribution.filteredProbability(token);
    }

    @Override
    public Needs needs() {
        return Needs.PROBABILITY;
    }

    @Override
    public float ofGreedy(GreedyCandidates candidates, int row, SplittableRandom random) {
        return candidates.probabilities()[row];
    }
}
