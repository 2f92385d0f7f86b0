package dev.sparsed.diffusion;

import java.util.SplittableRandom;

/** LLaDA's {@code low_confidence} (arXiv 2502.09992, §2.4): {@code c = softmax(z)[x]}, the candidate's probability under the raw logits. */
record LowConfidence() implements Confidence {

    @Override
    public float of(TokenDistribution distribution, int token, SplittableRandom random) {
        return (float) Math.exp(distribution.logProbability(token));
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
