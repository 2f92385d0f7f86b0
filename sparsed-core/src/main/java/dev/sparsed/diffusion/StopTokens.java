package dev.sparsed.diffusion;

import java.util.Set;

/**
 * Ends before the first token of a set.
 *
 * @param ids token ids
 */
public record StopTokens(Set<Integer> ids) implements StopRule {

    /** Copies the set. */
    public StopTokens {
        ids = Set.copyOf(ids);
    }

    @Override
    public int length(int[] tokens) {
        int length = 0;
        while (length < tokens.length && !ids.contains(tokens[length])) {
            length++;
        }
        return length;
    }
}
