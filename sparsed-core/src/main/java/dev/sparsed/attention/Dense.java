package dev.sparsed.attention;

/** Dense attention in every step. */
record Dense() implements AttentionPolicy {

    static final Dense INSTANCE = new Dense();

    @Override
    public AttentionPlan plan(int canvasLength, int generationLength, int steps, int layers) {
        return new AttentionPlan(step -> AttentionMode.DENSE, null, layers);
    }

    @Override
    public String toString() {
        return "dense";
    }
}
