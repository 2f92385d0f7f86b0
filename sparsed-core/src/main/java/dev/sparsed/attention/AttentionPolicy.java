package dev.sparsed.attention;

/**
 * Decides which keys the queries attend to, step by step. A policy is a value, shared by any number of requests; what a request learns on
 * the way is in the {@link AttentionPlan} the policy draws up for it.
 */
public interface AttentionPolicy {

    /**
     * Draws up the plan of one request.
     *
     * @param canvasLength N, prompt and generation
     * @param generationLength G
     * @param steps T, the denoising steps of the whole generation
     * @param layers layers of the model
     * @return a new plan
     */
    AttentionPlan plan(int canvasLength, int generationLength, int steps, int layers);

    /**
     * Dense attention in every step.
     *
     * @return the policy
     */
    static AttentionPolicy dense() {
        return Dense.INSTANCE;
    }
}
