package dev.sparsed.bench.cli;

/** Checks of numbers that options give. */
final class Checks {

    private Checks() {}

    /**
     * Refuses a number that is too small.
     *
     * @param option the option's name
     * @param value what it was given
     * @param least what it may be
     * @throws IllegalArgumentException if it is less
     */
    static void atLeast(String option, int value, int least) {
        if (value < least) {
            throw new IllegalArgumentException(option + " " + value + ": must be at least " + least);
        }
    }
}
