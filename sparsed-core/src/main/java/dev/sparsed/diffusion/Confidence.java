package dev.sparsed.diffusion;

import java.util.SplittableRandom;

/** How sure a candidate is: the surest ones of a step are committed, the others stay masked. */
public interface Confidence {

    /**
     * The confidence of a candidate.
     *
     * @param distribution what the model predicts
     * @param token the candidate
     * @param random random numbers of this position and step
     * @return any number; higher is committed sooner
     */
    float of(TokenDistribution distribution, int token, SplittableRandom random);

    /**
     * {@return whether {@link #ofGreedy} is enough where the most likely token is taken and none was dropped: then no logits leave the device}
     */
    default boolean needsOnlyTheProbability() {
        return false;
    }

    /**
     * The same for the most likely token, from its probability alone.
     *
     * @param probability softmax(z)[argmax z]
     * @param random random numbers of this position and step
     * @return the confidence
     */
    default float ofGreedy(float probability, SplittableRandom random) {
        throw new UnsupportedOperationException("needs the whole distribution");
    }
}
