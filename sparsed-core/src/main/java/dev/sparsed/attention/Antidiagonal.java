package dev.sparsed.attention;

import java.util.Arrays;

/**
 * Antidiagonal scoring (XAttention, arXiv 2503.16428, algorithm 1), with {@link SparseD}'s schedule: the steps 0 … e = ⌊T·skip⌋ + 1 are dense, step
 * e selects, the later ones reuse it. Within tiles of S × S scores, only those of the antidiagonal are computed: with G_c the rows cS … cS + S − 1,
 * the score of the groups g and c is Σ_s q[gS + S − 1 − s]·k[cS + s] / (S·√D). The softmax over c estimates the attention, and the importance of key
 * block j is its sum over the groups of the query block and of j. Kept are the fewest blocks that cover τ of it, prompt and generation together; ties
 * go to the lower block. Unlike the paper's, this attention is not causal.
 *
 * @param skip s, the share of steps that stay dense, ≥ 0; 1 and above is all dense
 * @param coverage τ, the share of the estimated attention to cover, 0 … 1; the paper's is 0.9
 * @param stride S, ≥ 1, a divisor of the block size; the paper's are 8 and 16
 * @param blockSize B, positions per block, ≥ 1
 */
public record Antidiagonal(double skip, double coverage, int stride, int blockSize) implements AttentionPolicy {

    /** Checks the ranges. */
    public Antidiagonal {
        BlockBudget.checkSkip(skip);
        BlockBudget.checkBlockSize(blockSize);
        BlockBudget.checkShare("coverage", coverage);
        if (stride < 1 || blockSize % stride != 0) {
            throw new IllegalArgumentException(
                    "stride = " + stride + ": must be at least 1 and divide blockSize = " + blockSize);
        }
    }

    @Override
    public AttentionPlan plan(GenerationShape shape) {
        BlockLayout layout = shape.blocks(blockSize);
        return AttentionPlan.selectingOnHost(
                this,
                SelectOnce.after(skip, shape.steps())::mode,
                operands -> select(operands, layout),
                shape.layers());
    }

    private BlockPattern select(QueriesAndKeys operands, BlockLayout layout) {
        CoverageRule rule = new CoverageRule(layout, coverage, 0, 1);
        BlockPattern.Builder pattern = new BlockPattern.Builder(layout, operands.queryHeads());
        int groupsPerBlock = blockSize / stride;
        float[] weights = new float[operands.groups(stride)];
        double[] importance = new double[layout.blocks()];
        for (int head = 0; head < operands.queryHeads(); head++) {
            float[] keys = operands.groupedKeys(head, stride);
            for (int queryBlock = 0; queryBlock < layout.blocks(); queryBlock++) {
                Arrays.fill(importance, 0);
                int end = Math.min((queryBlock + 1) * groupsPerBlock, weights.length);
                for (int group = queryBlock * groupsPerBlock; group < end; group++) {
                    operands.antidiagonalWeights(head, group, stride, keys, weights);
                    for (int c = 0; c < weights.length; c++) {
                        importance[c / groupsPerBlock] += weights[c];
                    }
                }
                double[] ascending = importance.clone();
                Arrays.sort(ascending);
                for (int block : BlockBudget.mostImportant(importance, rule.budget(ascending, ascending.length))) {
                    pattern.keep(head, queryBlock, block);
                }
            }
        }
        return pattern.build();
    }
}
