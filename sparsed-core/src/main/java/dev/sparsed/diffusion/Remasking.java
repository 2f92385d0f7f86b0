package dev.sparsed.diffusion;

/**
 * Which candidates stay masked: those with the lowest confidence. The names are LLaDA's ({@code remasking}) and Dream's
 * ({@code alg}); any of them works with any model.
 */
public enum Remasking {
    /** LLaDA: the probability of the candidate under the raw logits. */
    LOW_CONFIDENCE(new LowConfidence()),
    /** LLaDA: a uniform random number. */
    RANDOM(new RandomConfidence()),
    /**
     * Dream: no confidence; every mask is committed by chance, with the probability that Dream's schedule gives the
     * step.
     */
    ORIGIN(new RandomConfidence()),
    /** Dream: the probability of the candidate after temperature, top-p and top-k. */
    MASKGIT_PLUS(new MaskgitPlus()),
    /** Dream: the probability of the most likely token less that of the second. */
    TOPK_MARGIN(new TopkMargin()),
    /** Dream: the negative entropy. */
    ENTROPY(new NegativeEntropy());

    private final Confidence confidence;

    Remasking(Confidence confidence) {
        this.confidence = confidence;
    }

    /** {@return how confidence is computed} */
    public Confidence confidence() {
        return confidence;
    }

    /**
     * {@return whether confidence says how likely the candidate is right, 0 … 1, so that it can be held against a
     * threshold}
     */
    public boolean isProbability() {
        return this == LOW_CONFIDENCE || this == MASKGIT_PLUS || this == TOPK_MARGIN;
    }
}
