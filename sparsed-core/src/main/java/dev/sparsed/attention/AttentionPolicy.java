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
        return new Measured(this);
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
