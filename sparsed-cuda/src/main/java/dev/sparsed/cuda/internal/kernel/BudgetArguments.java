package dev.sparsed.cuda.internal.kernel;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.CoverageRule;
import dev.sparsed.attention.SelectionRule;
import dev.sparsed.cuda.internal.driver.KernelArguments;

/** The last arguments of the kernels that select: the fewest and the most of all blocks and of the generation's, and the coverage. */
final class BudgetArguments {

    private BudgetArguments() {}

    /**
     * Adds them.
     *
     * @param arguments the kernel's, with all others
     * @param rule what to keep
     */
    static void add(KernelArguments arguments, SelectionRule rule) {
        BlockLayout layout = rule.layout();
        double coverage =
                rule instanceof CoverageRule by ? by.coverage() : 1; // 1: the fewest are the most, nobody asks
        arguments
                .addInt(rule.least(layout.blocks()))
                .addInt(rule.most(layout.blocks()))
                .addInt(rule.least(layout.generationBlocks()))
                .addInt(rule.most(layout.generationBlocks()))
                .addFloat((float) coverage);
    }
}
