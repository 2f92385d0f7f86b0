package dev.sparsed.bench.quality;

import dev.sparsed.attention.AttentionPolicy;
import dev.sparsed.attention.Coverage;
import dev.sparsed.attention.SparseD;

/**
 * A setting of SparseD that a {@link SettingSearch} may try.
 *
 * @param budget what decides how many blocks are kept
 * @param amount ρ or τ, by the budget, 0 … 1
 * @param skip s, the share of steps that stay dense, ≥ 0
 * @param blockSize B, positions per block, ≥ 1
 */
public record Candidate(Budget budget, double amount, double skip, int blockSize) {

    /** What decides how many blocks are kept. */
    public enum Budget {
        /** A share ρ of the blocks: {@link SparseD}. */
        SELECT,
        /** A share τ of the attention: {@link Coverage}. */
        COVERAGE
    }

    /** {@return the policy} */
    public AttentionPolicy policy() {
        return switch (budget) {
            case SELECT -> new SparseD(skip, amount, blockSize);
            case COVERAGE -> new Coverage(skip, amount, 0, 1, blockSize);
        };
    }

    /** {@return the policy as a Java expression} */
    public String java() {
        return switch (budget) {
            case SELECT -> "new SparseD(" + skip + ", " + amount + ", " + blockSize + ")";
            case COVERAGE -> "new Coverage(" + skip + ", " + amount + ", 0, 1, " + blockSize + ")";
        };
    }

    /** {@return the policy in a word, as {@code sparsed quality --policies} takes it} */
    public String spec() {
        String name = switch (budget) {
            case SELECT -> "sparsed:skip=" + skip + ":select=" + amount;
            case COVERAGE -> "coverage:skip=" + skip + ":coverage=" + amount;
        };
        return name + ":block-size=" + blockSize;
    }

    /** {@return the policy as options, as {@code sparsed generate} takes them} */
    public String options() {
        return "--policy " + spec().replace(":", " --").replace("=", " ");
    }
}
