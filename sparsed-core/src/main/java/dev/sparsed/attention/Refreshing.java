package dev.sparsed.attention;

/**
 * {@link AttentionPolicy#refreshing}.
 *
 * @param policy selects
 * @param bound the least share of dense attention that every head has to keep
 * @param interval from one sample to the next, in block-sparse steps
 */
record Refreshing(AttentionPolicy policy, double bound, int interval) implements AttentionPolicy {

    Refreshing {
        BlockBudget.checkShare("bound", bound);
        checkInterval(interval);
    }

    static void checkInterval(int interval) {
        if (interval < 1) {
            throw new IllegalArgumentException("interval = " + interval + ": must be at least 1");
        }
    }

    @Override
    public AttentionPlan plan(GenerationShape shape) {
        return policy.plan(shape).refreshing(this);
    }
}
