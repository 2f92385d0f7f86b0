package dev.sparsed.bench.cli;

import java.nio.charset.Charset;

/**
 * The characters that views draw with, all of them one column wide.
 *
 * @param mask a masked position
 * @param special a special token, such as the end of the turn
 * @param control stands for a control character, which is never sent to a terminal
 * @param ellipsis something is left out here
 * @param dot between the parts of a status line
 * @param times multiplication sign
 * @param frame the lines of a grid: horizontal, vertical, then the corners and crossings row by row from the top left
 *     (11 characters)
 */
record Glyphs(String mask, String special, String control, String ellipsis, String dot, String times, String frame) {

    /** For every terminal made in this century. */
    static final Glyphs UNICODE = new Glyphs("░", "·", "¤", "…", "·", "×", "─│┌┬┐├┼┤└┴┘");

    /** For the others. */
    static final Glyphs ASCII = new Glyphs("_", ".", "?", "...", "-", "x", "-|+++++++++");

    /**
     * Picks.
     *
     * @param unicode whether more than ASCII can be shown
     * @return the glyphs
     */
    static Glyphs of(boolean unicode) {
        return unicode ? UNICODE : ASCII;
    }

    /**
     * Whether all of them can be written.
     *
     * @param charset the output's
     * @return whether it can encode them
     */
    boolean fit(Charset charset) {
        return charset.canEncode()
                && charset.newEncoder().canEncode(mask + special + control + ellipsis + dot + times + frame);
    }
}
