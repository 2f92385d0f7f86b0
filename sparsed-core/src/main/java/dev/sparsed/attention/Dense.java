package dev.sparsed.attention;

/** Dense attention in every step. */
record Dense() implements AttentionPolicy {

    static final Dense INSTANCE = new Dense();

    @Override
    public AttentionPlan plan(GenerationShape shape) {
        return AttentionPlan.dense(this, shape.layers());
    }

    @Override
    public String toString() {
        return "dense";
    }
}
