package dev.sparsed.attention;

import java.util.Collections;

/** Plans of policies whose pattern follows from positions and heads alone: all layers share it. */
final class FixedPatterns {

    private FixedPatterns() {}

    /** Whether a head keeps a key block for a query block. */
    @FunctionalInterface
    interface Keeps {
        boolean test(int head, int queryBlock, int keyBlock);
    }

    static AttentionPlan plan(AttentionPolicy policy, GenerationShape shape, BlockLayout layout, Keeps keeps) {
        BlockPattern.Builder pattern = new BlockPattern.Builder(layout, shape.queryHeads());
        for (int head = 0; head < shape.queryHeads(); head++) {
            for (int queryBlock = 0; queryBlock < layout.blocks(); queryBlock++) {
                for (int keyBlock = 0; keyBlock < layout.blocks(); keyBlock++) {
                    if (keeps.test(head, queryBlock, keyBlock)) {
                        pattern.keep(head, queryBlock, keyBlock);
                    }
                }
            }
        }
        return AttentionPlan.fixed(policy, Collections.nCopies(shape.layers(), pattern.build()));
    }
}
