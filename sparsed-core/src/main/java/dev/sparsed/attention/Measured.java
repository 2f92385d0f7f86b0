package dev.sparsed.attention;

/** {@link AttentionPolicy#measured()}. */
record Measured(AttentionPolicy policy) implements AttentionPolicy {

    @Override
    public AttentionPlan plan(GenerationShape shape) {
        return policy.plan(shape).measured();
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
