package dev.sparsed.bench.report;

import dev.sparsed.attention.AttentionMode;
import dev.sparsed.attention.AttentionPlan;
import dev.sparsed.attention.AttentionPolicy;
import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.GenerationShape;
import dev.sparsed.attention.RatioRule;
import dev.sparsed.attention.SelectionRule;
import java.util.BitSet;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/**
 * Dense attention in every step that also selects, in some steps, the pattern that a policy would have selected there. What is generated is what dense
 * attention generates, so the patterns show how the model attends and not what an earlier pattern did to it. Where the policy selects nothing, the
 * rule is {@link #SELECT} of its own blocks, or of blocks of {@value #BLOCK_SIZE}.
 *
 * @param policy whose rule selects
 * @param selections the most steps that select: evenly spaced from the first to the last one, and the first one in which the policy selects
 */
record DenseProbe(AttentionPolicy policy, int selections) implements AttentionPolicy {

    private static final double SELECT = 0.3;
    private static final int BLOCK_SIZE = 32;

    DenseProbe {
        if (selections < 2) {
            throw new IllegalArgumentException("selections = " + selections + ": must be at least 2");
        }
    }

    @Override
    public AttentionPlan plan(GenerationShape shape) {
        AttentionPlan own = policy.plan(shape);
        int first = IntStream.range(0, shape.steps())
                .filter(step -> own.at(step).selects())
                .findFirst()
                .orElse(-1);
        BitSet selecting = evenly(shape.steps(), selections);
        if (first >= 0 && !selecting.get(first)) {
            selecting = evenly(shape.steps(), selections - 1);
            selecting.set(first);
        }
        BitSet chosen = selecting;
        IntFunction<AttentionMode> schedule =
                step -> chosen.get(step) ? AttentionMode.DENSE_AND_SELECT : AttentionMode.DENSE;
        if (own.hostSelection().isPresent()) {
            return AttentionPlan.selectingOnHost(
                    this, schedule, own.hostSelection().get(), shape.layers());
        }
        SelectionRule rule = first < 0 ? substitute(own, shape) : own.rule();
        return AttentionPlan.selecting(this, schedule, rule, shape.layers());
    }

    private static BitSet evenly(int steps, int count) {
        BitSet chosen = new BitSet();
        for (int i = 0; i < count; i++) {
            chosen.set((int) ((long) i * (steps - 1) / Math.max(1, count - 1)));
        }
        return chosen;
    }

    private static SelectionRule substitute(AttentionPlan own, GenerationShape shape) {
        BlockLayout layout = own.patterns().isEmpty()
                ? shape.blocks(BLOCK_SIZE)
                : own.patterns().getFirst().layout();
        return new RatioRule(layout, SELECT);
    }
}
