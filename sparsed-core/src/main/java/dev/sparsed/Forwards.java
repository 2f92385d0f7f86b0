package dev.sparsed;

/**
 * Forward passes of a model. With classifier-free guidance the two passes of a step count as one.
 *
 * @param full passes over the whole canvas
 * @param cached passes over a part of it, against cached keys and values
 * @param tokens rows forwarded, over all passes
 */
public record Forwards(int full, int cached, long tokens) {

    /** No pass. */
    public static final Forwards NONE = new Forwards(0, 0, 0);

    /** {@return the number of passes} */
    public int count() {
        return full + cached;
    }

    /**
     * Adds a pass.
     *
     * @param rows rows forwarded; 0 for no pass
     * @param canvasLength rows of the whole canvas
     * @return the sum
     */
    public Forwards plus(int rows, int canvasLength) {
        if (rows == 0) {
            return this;
        }
        boolean all = rows == canvasLength;
        return new Forwards(full + (all ? 1 : 0), cached + (all ? 0 : 1), tokens + rows);
    }
}
