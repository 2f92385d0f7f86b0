package dev.sparsed.diffusion;

import dev.sparsed.spi.GreedyCandidates;
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

    /** What has to come from the device where the most likely token is the candidate. */
    enum Needs {
        /** All logits. */
        LOGITS,
        /** The candidate's probability, margin and entropy. */
        STATISTICS,
        /** The candidate's probability. */
        PROBABILITY
    }

    /**
     * {@return what this reads of a greedy candidate; only with {@link Needs#LOGITS} is {@link #ofGreedy} never called}
     */
    default Needs needs() {
        return Needs.LOGITS;
    }

    /**
     * The same for the most likely token where none was dropped, from what the device says of it: then no logits leave
     * the device.
     *
     * @param candidates the candidates; with margins and entropies if {@link #needs} says so
     * @param row which one
     * @param random random numbers of this position and step
     * @return the confidence
     */
    default float ofGreedy(GreedyCandidates candidates, int row, SplittableRandom random) {
        throw new UnsupportedOperationException("needs all logits");
    }
}
