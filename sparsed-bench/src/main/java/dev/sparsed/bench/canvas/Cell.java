package dev.sparsed.bench.canvas;

/**
 * One position of the canvas as it is shown.
 *
 * @param kind what is there
 * @param text the token's text; not looked at for masks and special tokens
 */
public record Cell(Kind kind, String text) {

    /** A masked position. */
    public static final Cell MASK = new Cell(Kind.MASK, "");

    /** What is at a position. */
    public enum Kind {
        /** Nothing yet. */
        MASK,
        /** A token that came since the last picture. */
        FRESH,
        /** A token that was there before. */
        TOKEN,
        /** A special token, such as the end of the turn. */
        SPECIAL
    }
}
