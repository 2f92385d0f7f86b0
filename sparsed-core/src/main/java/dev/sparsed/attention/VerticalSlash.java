package dev.sparsed.attention;

import java.util.Arrays;

/**
 * Vertical and slash lines (MInference, arXiv 2407.02490, algorithm 2), by blocks, with {@link SparseD}'s schedule: the steps 0 … e = ⌊T·skip⌋ + 1 are
 * dense, step e selects, the later ones reuse it. The attention A of the canvas's last 64 rows stands for that of all: the importance of key block j
 * is the sum of A over j's columns, that of the slash δ the sum over the rows r and columns c with ⌊r/B⌋ − ⌊c/B⌋ = δ. Of w = min(n, ⌊n·ρ⌋ + 1)
 * lines, the ⌈w/2⌉ most important key blocks are kept by every query block, and the ⌊w/2⌋ most important slashes: query block i keeps i − δ where
 * that is a block. At most w blocks of n are kept; ties go to the lower block, and to the slash to the right. Unlike the paper's, this attention is not
 * causal: δ may be negative.
 *
 * @param skip s, the share of steps that stay dense, ≥ 0; 1 and above is all dense
 * @param select ρ, the share of key blocks to keep, 0 … 1
 * @param blockSize B, positions per block, ≥ 1
 */
public record VerticalSlash(double skip, double select, int blockSize) implements AttentionPolicy {

    /** The paper's last_q. */
    private static final int LAST_ROWS = 64;

    /** Checks the ranges. */
    public VerticalSlash {
        BlockBudget.checkSkip(skip);
        BlockBudget.checkShare("select", select);
        BlockBudget.checkBlockSize(blockSize);
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
        int blocks = layout.blocks();
        int canvas = layout.canvasLength();
        int lines = BlockBudget.of(select, blocks);
        BlockPattern.Builder pattern = new BlockPattern.Builder(layout, operands.queryHeads());
        float[] weights = new float[canvas];
        double[] columns = new double[blocks];
        double[] slashes = new double[2 * blocks - 1]; // slash δ at δ + n − 1
        for (int head = 0; head < operands.queryHeads(); head++) {
            Arrays.fill(columns, 0);
            Arrays.fill(slashes, 0);
            float[] keys = operands.groupedKeys(head, 1);
            for (int row = Math.max(0, canvas - LAST_ROWS); row < canvas; row++) {
                operands.antidiagonalWeights(head, row, 1, keys, weights);
                for (int c = 0; c < canvas; c++) {
                    columns[c / blockSize] += weights[c];
                    slashes[row / blockSize - c / blockSize + blocks - 1] += weights[c];
                }
            }
            int[] keptSlashes = BlockBudget.mostImportant(slashes, lines / 2);
            int[] keptColumns = BlockBudget.mostImportant(columns, lines - lines / 2);
            for (int queryBlock = 0; queryBlock < blocks; queryBlock++) {
                for (int block : keptColumns) {
                    pattern.keep(head, queryBlock, block);
                }
                for (int slash : keptSlashes) {
                    int block = queryBlock - (slash - (blocks - 1));
                    if (block >= 0 && block < blocks) {
                        pattern.keep(head, queryBlock, block);
                    }
                }
            }
        }
        return pattern.build();
    }
}
