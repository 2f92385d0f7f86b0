package dev.sparsed.spi;

import org.jspecify.annotations.Nullable;

/**
 * Receives the most likely token of some rows of logits z, and how sure the model is of it; row i fills element i of every array. With
 * p = softmax(z):
 *
 * @param tokens argmax z, ties to the lower id
 * @param probabilities p₁, the token's probability
 * @param margins p₁ − p₂, the largest probability less the second; null if not wanted
 * @param negativeEntropies Σ p·ln(p + {@value #EPSILON}), the entropy, negative; null if not wanted
 */
public record GreedyCandidates(
        int[] tokens, float[] probabilities, float @Nullable [] margins, float @Nullable [] negativeEntropies) {

    /** Keeps the entropy's logarithm finite, as Dream's reference code does. */
    public static final double EPSILON = 1e-10;

    /** Checks that all arrays have one length. */
    public GreedyCandidates {
        if (tokens.length != probabilities.length
                || margins != null && margins.length != tokens.length
                || negativeEntropies != null && negativeEntropies.length != tokens.length) {
            throw new IllegalArgumentException("room for " + tokens.length + " tokens, " + probabilities.length
                    + " probabilities" + (margins == null ? "" : ", " + margins.length + " margins")
                    + (negativeEntropies == null ? "" : ", " + negativeEntropies.length + " entropies")
                    + ": must be the same");
        }
    }

    /**
     * Room for tokens and probabilities.
     *
     * @param rows how many
     * @return the arrays
     */
    public static GreedyCandidates of(int rows) {
        return new GreedyCandidates(new int[rows], new float[rows], null, null);
    }

    /**
     * Room for everything.
     *
     * @param rows how many
     * @return the arrays
     */
    public static GreedyCandidates withStatistics(int rows) {
        return new GreedyCandidates(new int[rows], new float[rows], new float[rows], new float[rows]);
    }

    /** {@return the number of rows} */
    public int rows() {
        return tokens.length;
    }
}
