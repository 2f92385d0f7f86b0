package dev.sparsed.bench.report;

/** How alike two answers are. */
final class TokenAgreement {

    private TokenAgreement() {}

    /** {@return the share of positions with the same token, of those that the longer answer has, 0 … 1; 1 if both are empty} */
    static double of(int[] tokens, int[] others) {
        int longer = Math.max(tokens.length, others.length);
        int same = 0;
        for (int i = 0; i < Math.min(tokens.length, others.length); i++) {
            same += tokens[i] == others[i] ? 1 : 0;
        }
        return longer == 0 ? 1 : (double) same / longer;
    }
}
