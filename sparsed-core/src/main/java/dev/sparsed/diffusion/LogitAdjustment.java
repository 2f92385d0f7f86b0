package dev.sparsed.diffusion;

/** Changes the logits of a mask before a token is chosen. Applied row by row, on the host. */
@FunctionalInterface
public interface LogitAdjustment {

    /** Changes nothing. */
    LogitAdjustment NONE = (step, position, logits) -> {};

    /**
     * Changes one row.
     *
     * @param step denoising step
     * @param position canvas position of the mask
     * @param logits one per token of the vocabulary; changed in place, −∞ forbids a token
     */
    void apply(int step, int position, float[] logits);

    /** {@return whether it is {@link #NONE}} */
    default boolean isNone() {
        return this == NONE;
    }

    /**
     * {@return this adjustment and then another one}
     *
     * @param next the other one
     */
    default LogitAdjustment then(LogitAdjustment next) {
        if (isNone() || next.isNone()) {
            return isNone() ? next : this;
        }
        return (step, position, logits) -> {
            apply(step, position, logits);
            next.apply(step, position, logits);
        };
    }
}
