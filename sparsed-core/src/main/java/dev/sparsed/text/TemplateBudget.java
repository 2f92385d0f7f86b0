package dev.sparsed.text;

/** Counts the steps and the time of one rendering and ends it when they are used up. */
final class TemplateBudget {

    /** Ends a rendering. An error, since the template engine records exceptions and goes on. */
    static final class Exhausted extends Error {

        private static final long serialVersionUID = 1L;

        Exhausted(String message) {
            super(message, null, false, false);
        }
    }

    /**
     * A rendering takes milliseconds; single steps differ in cost by orders, so their number alone bounds too little.
     */
    private static final long MAX_NANOS = 5_000_000_000L;

    private final int size;
    private final long begin = System.nanoTime();
    private int spent;

    /**
     * Creates it.
     *
     * @param size steps allowed
     */
    TemplateBudget(int size) {
        this.size = size;
    }

    /** Takes one step. */
    void spend() {
        if (++spent > size) {
            throw new Exhausted("more than " + size + " steps");
        }
        if (System.nanoTime() - begin > MAX_NANOS) {
            throw new Exhausted("more than " + MAX_NANOS / 1_000_000_000 + " seconds");
        }
    }
}
