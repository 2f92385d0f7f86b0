package dev.sparsed.diffusion;

/** Which candidates stay masked: those with the lowest confidence (LLaDA, arXiv 2502.09992, §2.4). */
public enum Remasking {
    /** Confidence is the probability of the candidate, {@code softmax(logits)[candidate]}. */
    LOW_CONFIDENCE,
    /** Confidence is a uniform random number. */
    RANDOM
}
