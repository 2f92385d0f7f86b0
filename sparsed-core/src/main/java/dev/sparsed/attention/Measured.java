package dev.sparsed.attention;

/**
 * {@link AttentionPolicy#measured()}.
 *
 * @param policy what is measured
 * @param interval from one sample to the next, 0 for none
 */
record Measured(AttentionPolicy policy, int interval) implements AttentionPolicy {

    @Override
    public AttentionPlan plan(GenerationShape shape) {
        return policy.plan(shape).measured(interval);
    }

    @Override
    public AttentionPolicy measured() {
        return this;
    }

    @Override
    public String toString() {
        return policy.toString();
    }
}
