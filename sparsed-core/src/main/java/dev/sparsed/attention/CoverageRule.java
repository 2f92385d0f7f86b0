package dev.sparsed.attention;

/**
 * A budget by coverage: the fewest blocks whose importance adds up to the share τ of the total, at least a floor and at most a cap. Since the
 * importance of a block is its share of the query block's attention (times rows / B²), that is the fewest blocks that keep τ of the attention;
 * easy heads get few blocks and hard ones many. The prompt's blocks are those among the fewest of all blocks that cover τ of A, the
 * generation's the fewest that cover τ of A′; together, where no cap cuts them, they keep at least τ − (1 − τ)·γ of A, with γ ≤ 1 the share
 * that A gives to the generation.
 *
 * @param layout the canvas and its blocks
 * @param coverage τ, 0 … 1
 * @param floor the least share of blocks to keep, 0 … 1: of n blocks min(n, ⌊n·floor⌋ + 1)
 * @param cap the largest share of blocks to keep, floor … 1, counted likewise
 */
public record CoverageRule(BlockLayout layout, double coverage, double floor, double cap) implements SelectionRule {

    /** Checks the ranges. */
    public CoverageRule {
        check(coverage, floor, cap);
    }

    static void check(double coverage, double floor, double cap) {
        BlockBudget.checkShare("coverage", coverage);
        BlockBudget.checkShare("floor", floor);
        BlockBudget.checkShare("cap", cap);
        if (cap < floor) {
            throw new IllegalArgumentException("cap = " + cap + ": must be at least the floor, " + floor);
        }
    }

    @Override
    public int least(int count) {
        return BlockBudget.of(floor, count);
    }

    @Override
    public int most(int count) {
        return BlockBudget.of(cap, count);
    }

    @Override
    public int budget(double[] ascending, int count) {
        double total = 0;
        for (int i = 0; i < count; i++) { // the small ones first: nothing gets lost beside the large ones
            total += ascending[i];
        }
        int least = least(count);
        int most = most(count);
        double covered = 0;
        int taken = 0;
        while (taken < most && (taken < least || covered < coverage * total)) {
            taken++;
            covered += ascending[count - taken];
        }
        return taken;
    }
}
