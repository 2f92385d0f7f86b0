package dev.sparsed.attention;

import java.util.Comparator;
import java.util.stream.IntStream;

/** How many blocks a share of them is, which ones are taken, and the checks of settings that all policies have. */
final class BlockBudget {

    private BlockBudget() {}

    /** {@return min(n, ⌊n·ρ⌋ + 1), at least 1 of the n blocks} */
    static int of(double share, int blocks) {
        return Math.min(blocks, (int) Math.floor(blocks * share) + 1);
    }

    /** {@return the indices of the most important ones, so many, ties to the lower index} */
    static int[] mostImportant(double[] importance, int count) {
        return IntStream.range(0, importance.length)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer i) -> -importance[i])) // a stable sort
                .limit(count)
                .mapToInt(Integer::intValue)
                .toArray();
    }

    static void checkShare(String name, double share) {
        if (!(share >= 0 && share <= 1)) {
            throw new IllegalArgumentException(name + " = " + share + ": must be 0 ... 1");
        }
    }

    static void checkSkip(double skip) {
        if (!(skip >= 0 && skip < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException("skip = " + skip + ": must be a number >= 0");
        }
    }

    static void checkBlockSize(int blockSize) {
        if (blockSize < 1) {
            throw new IllegalArgumentException("blockSize = " + blockSize + ": must be at least 1");
        }
    }
}
