package dev.sparsed.attention;

import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * A control: every layer, head and query block keeps min(n, ⌊n·ρ⌋ + 1) key blocks drawn uniformly without replacement, the same in every step.
 * What does better than this knows something. Every step is block-sparse.
 *
 * @param select ρ, the share of key blocks to keep, 0 … 1
 * @param blockSize B, positions per block, ≥ 1
 * @param seed seed of the draws
 */
public record UniformRandom(double select, int blockSize, long seed) implements AttentionPolicy {

    /** Checks the ranges. */
    public UniformRandom {
        BlockBudget.checkShare("select", select);
        BlockBudget.checkBlockSize(blockSize);
    }

    @Override
    public AttentionPlan plan(GenerationShape shape) {
        BlockLayout layout = shape.blocks(blockSize);
        SplittableRandom random = new SplittableRandom(seed);
        return AttentionPlan.fixed(
                this,
                IntStream.range(0, shape.layers())
                        .mapToObj(layer -> draw(layout, shape.queryHeads(), random))
                        .toList());
    }

    private BlockPattern draw(BlockLayout layout, int heads, SplittableRandom random) {
        BlockPattern.Builder pattern = new BlockPattern.Builder(layout, heads);
        int budget = BlockBudget.of(select, layout.blocks());
        int[] blocks = IntStream.range(0, layout.blocks()).toArray();
        for (int head = 0; head < heads; head++) {
            for (int queryBlock = 0; queryBlock < layout.blocks(); queryBlock++) {
                for (int i = 0; i < budget; i++) { // the first steps of a Fisher-Yates shuffle
                    int drawn = random.nextInt(i, blocks.length);
                    int block = blocks[drawn];
                    blocks[drawn] = blocks[i];
                    blocks[i] = block;
                    pattern.keep(head, queryBlock, block);
                }
            }
        }
        return pattern.build();
    }
}
