package dev.sparsed.text;

/** Counts the steps of one rendering and ends it when they are used up. */
final class TemplateBudget {

    /** Ends a rendering. An error, since the template engine records exceptions and goes on. */
    static final class Exhausted extends Error {

        private static final long serialVersionUID = 1L;

        Exhausted(String message) {
            super(message, null, false, false);
        }
    }

    private final int size;
    private int spent;

    /**
     * Creates it.
     *
     * @param size steps allowed
     */
    TemplateBudget(int size) {
        this.size = size;
    }

    /** {@return the steps allowed} */
    int size() {
        return size;
    }

    /** Takes one step. */
    void spend() {
        if (++spent > size) {
            throw new Exhausted("more than " + size + " steps");
        }
    }
}
