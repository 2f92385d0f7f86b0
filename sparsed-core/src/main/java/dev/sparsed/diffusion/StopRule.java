package dev.sparsed.diffusion;

/** Where a generation ends before its last block. Asked after every finished block. */
@FunctionalInterface
public interface StopRule {

    /** It does not. */
    StopRule NEVER = tokens -> tokens.length;

    /**
     * {@return how many of the tokens come before the end; all of them if it is not among them}
     *
     * @param tokens the generated tokens of all finished blocks
     */
    int length(int[] tokens);

    /**
     * {@return a rule that ends where this one or another one does, whichever comes first}
     *
     * @param other the other one
     */
    default StopRule or(StopRule other) {
        return tokens -> Math.min(length(tokens), other.length(tokens));
    }
}
