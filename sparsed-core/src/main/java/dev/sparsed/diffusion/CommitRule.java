package dev.sparsed.diffusion;

/**
 * How many candidates of a step are committed, and which. In the last step of a block all that are left are, whatever
 * the rule.
 *
 * <p>A rule with a schedule uses all steps of a block; one that commits by confidence ends a block as soon as it holds
 * no mask, and its number of steps is a bound.
 */
public interface CommitRule {

    /**
     * Chooses.
     *
     * @param candidates at least one
     * @param step which step
     * @return rows of the candidates, in any order, each at most once; may be empty
     */
    int[] choose(Candidates candidates, BlockStep step);

    /** {@return whether a block ends when it holds no mask, so that the number of steps is not known beforehand} */
    default boolean isParallel() {
        return false;
    }

    /** {@return whether {@link Candidates#entropies} are needed} */
    default boolean needsEntropies() {
        return false;
    }
}
