package dev.sparsed.bench.quality;

import java.util.List;

/**
 * What came of a task.
 *
 * @param task which
 * @param tokens the generated token ids up to the end of the turn
 * @param answer their text
 * @param solved whether it is right
 * @param density share of key blocks kept, 0 … 1; 1 if all steps were dense
 * @param keptMass share of dense attention that the patterns kept when they were last measured, the mean over layers and heads, 0 … 1; NaN if it was
 *     not measured
 * @param forwards forward passes of the model, cached ones included
 * @param rowsForwarded rows of the canvas that went through the model, over all passes
 * @param seconds time of all denoising steps
 */
public record TaskOutcome(
        Task task,
        List<Integer> tokens,
        String answer,
        boolean solved,
        double density,
        double keptMass,
        int forwards,
        long rowsForwarded,
        double seconds) {

    /** Copies the tokens. */
    public TaskOutcome {
        tokens = List.copyOf(tokens);
    }

    /**
     * {@return the agreement of two answers' tokens}
     *
     * @param other what came of the same task with another setting
     */
    public double agreement(TaskOutcome other) {
        return agreement(tokens, other.tokens);
    }

    /**
     * {@return the share of positions at which two answers have the same token, of those that the longer one has, 0 … 1; 1 if both are empty}
     *
     * @param tokens an answer's token ids
     * @param others another one's
     */
    public static double agreement(List<Integer> tokens, List<Integer> others) {
        int longer = Math.max(tokens.size(), others.size());
        int same = 0;
        for (int i = 0; i < Math.min(tokens.size(), others.size()); i++) {
            same += tokens.get(i).equals(others.get(i)) ? 1 : 0;
        }
        return longer == 0 ? 1 : (double) same / longer;
    }
}
