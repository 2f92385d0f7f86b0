package dev.sparsed.diffusion;

import dev.sparsed.spi.GreedyCandidates;
import java.util.SplittableRandom;

/**
 * LLaDA's {@code low_confidence} (arXiv 2502.09992, §2.4): {@code c = softmax(z)[x]}, the candidate's probability under
 * the raw logits.
 */
record LowConfidence() implements Confidence {

    @Override
    public float of(TokenDistribution distribution, int token, SplittableRandom random) {
        return (float) Math.exp(distribution.logProbability(token));
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
