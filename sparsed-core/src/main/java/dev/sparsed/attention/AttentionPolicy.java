package dev.sparsed.attention;

/**
 * Decides which keys the queries attend to, step by step. A policy is a value, shared by any number of requests; what a request learns on
 * the way is in the {@link AttentionPlan} the policy draws up for it.
 */
public interface AttentionPolicy {

    /**
     * Draws up the plan of one request.
     *
     * @param shape the request and its model
     * @return a new plan
     */
    AttentionPlan plan(GenerationShape shape);

    /**
     * The same policy, measured: when a pattern is selected, and in the first step where it is known from the start, the request also finds out
     * how much of the dense attention the pattern keeps ({@link AttentionReport#keptMass}). Costs that step about as much again, and changes no
     * result.
     *
     * @return the policy
     */
    default AttentionPolicy measured() {
        return new Measured(this, 0);
    }

    /**
     * The same policy, measured, and later steps too: every so many block-sparse steps the request also finds out, by 64 sampled rows, how much the
     * pattern still keeps ({@link AttentionReport#sampledMass}). Changes no result.
     *
     * @param interval from one sample to the next, in block-sparse steps, ≥ 1
     * @return the policy
     */
    default AttentionPolicy measured(int interval) {
        Refreshing.checkInterval(interval);
        return new Measured(this, interval);
    }

    /**
     * The same policy, but it selects anew when its patterns no longer fit: every so many block-sparse steps, 64 sampled rows tell how much of the
     * dense attention the patterns keep, and if any head of any layer falls below a bound, the next step is dense and selects. Costs two attention
     * passes over the sampled rows each time, and what is selected. With classifier-free guidance the pass that sees the prompt decides for both.
     *
     * @param bound the least share of dense attention that every head has to keep, 0 … 1; where the selection itself keeps less, every sample is
     *     followed by a selection
     * @param interval from one sample to the next, in block-sparse steps, ≥ 1
     * @return the policy; planning throws {@link IllegalArgumentException} if this one's patterns are known from the start
     */
    default AttentionPolicy refreshing(double bound, int interval) {
        return new Refreshing(this, bound, interval);
    }

    /**
     * Dense attention in every step.
     *
     * @return the policy
     */
    static AttentionPolicy dense() {
        return Dense.INSTANCE;
    }
}
