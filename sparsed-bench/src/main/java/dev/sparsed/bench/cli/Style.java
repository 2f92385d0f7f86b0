package dev.sparsed.bench.cli;

/**
 * Emphasis by ANSI escape sequences, or none.
 *
 * @param colours whether to emphasise at all
 */
record Style(boolean colours) {

    /** Nothing is emphasised. */
    static final Style NONE = new Style(false);

    /**
     * Less important.
     *
     * @param text what
     * @return the text between escape sequences
     */
    String dim(String text) {
        return wrap("2", text);
    }

    /**
     * More important.
     *
     * @param text what
     * @return the text between escape sequences
     */
    String bold(String text) {
        return wrap("1", text);
    }

    /**
     * Just made: black on green.
     *
     * @param text what
     * @return the text between escape sequences
     */
    String fresh(String text) {
        return wrap("30;42", text);
    }

    /**
     * Made by the model: green.
     *
     * @param text what
     * @return the text between escape sequences
     */
    String made(String text) {
        return wrap("32", text);
    }

    /**
     * Wrong: red.
     *
     * @param text what
     * @return the text between escape sequences
     */
    String wrong(String text) {
        return wrap("31", text);
    }

    private String wrap(String code, String text) {
        return colours && !text.isEmpty() ? "\033[" + code + "m" + text + "\033[0m" : text;
    }
}
