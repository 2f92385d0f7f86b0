package dev.sparsed.attention;

/** {@link SparseD#auto()}. */
record Auto() implements AttentionPolicy {

    static final Auto INSTANCE = new Auto();

    private static final int LEAST_CANVAS = 4096;

    @Override
    public AttentionPlan plan(GenerationShape shape) {
        AttentionPolicy chosen = shape.canvasLength() < LEAST_CANVAS ? AttentionPolicy.dense() : SparseD.longContext();
        return chosen.plan(shape);
    }

    @Override
    public String toString() {
        return "auto";
    }
}
