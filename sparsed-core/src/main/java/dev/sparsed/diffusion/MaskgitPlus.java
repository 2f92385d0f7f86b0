package dev.sparsed.diffusion;

import java.util.SplittableRandom;

/** Dream's {@code maskgit_plus}: {@code c = p[x]}, the candidate's probability after temperature, top-p and top-k. */
record MaskgitPlus() implements Confidence {

    @Override
    public float of(TokenDistribution distribution, int token, SplittableRandom random) {
        return (float) distribution.filteredProbability(token);
    }

    @Override
    public boolean needsOnlyTheProbability() {
        return true;
    }

    @Override
    public float ofGreedy(float probability, SplittableRandom random) {
        return probability;
    }
}
