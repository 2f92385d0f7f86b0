package dev.sparsed.cuda.internal.kernel;

import static dev.sparsed.cuda.internal.driver.KernelArguments.Type.FLOAT;
import static dev.sparsed.cuda.internal.driver.KernelArguments.Type.INT;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.CoverageRule;
import dev.sparsed.attention.SelectionRule;
import dev.sparsed.cuda.internal.driver.KernelArguments;
import dev.sparsed.cuda.internal.driver.KernelArguments.Type;
import java.util.stream.Stream;

/** The last arguments of the kernels that select: the fewest and the most of all blocks and of the generation's, and the coverage. */
final class BudgetArguments {

    private BudgetArguments() {}

    /** {@return a kernel's argument types: some, and the budgets behind them} */
    static Type[] after(Type... types) {
        return Stream.concat(Stream.of(types), Stream.of(INT, INT, INT, INT, FLOAT))
                .toArray(Type[]::new);
    }

    /**
     * Sets them.
     *
     * @param arguments the kernel's
     * @param first index of the first of them
     * @param rule what to keep
     */
    static void set(KernelArguments arguments, int first, SelectionRule rule) {
        BlockLayout layout = rule.layout();
        double coverage =
                rule instanceof CoverageRule by ? by.coverage() : 1; // 1: the fewest are the most, nobody asks
        arguments
                .setInt(first, rule.least(layout.blocks()))
                .setInt(first + 1, rule.most(layout.blocks()))
                .setInt(first + 2, rule.least(layout.generationBlocks()))
                .setInt(first + 3, rule.most(layout.generationBlocks()))
                .setFloat(first + 4, (float) coverage);
    }
}
