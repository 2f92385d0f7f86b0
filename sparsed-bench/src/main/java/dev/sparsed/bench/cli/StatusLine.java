package dev.sparsed.bench.cli;

import dev.sparsed.StepEvent;
import dev.sparsed.attention.AttentionMode;

/** One line on how far a generation is. */
final class StatusLine {

    private StatusLine() {}

    /**
     * Words it.
     *
     * @param event the last step
     * @param columns the most characters to give
     * @param glyphs what separates the parts
     * @return such as {@code step 12/96 · dense · 84 masks left · 15 ms}
     */
    static String of(StepEvent event, int columns, Glyphs glyphs) {
        String separator = " " + glyphs.dot() + " ";
        String line =
                "step " + (event.step() + 1) + "/" + event.steps() + separator + name(event.attention()) + separator
                        + event.masksLeft() + (event.masksLeft() == 1 ? " mask" : " masks") + " left" + separator
                        + Texts.millis(event.nanos());
        return line.substring(0, Math.min(line.length(), columns));
    }

    /**
     * A kind of attention in words.
     *
     * @param attention which
     * @return lower case
     */
    static String name(AttentionMode attention) {
        return switch (attention) {
            case DENSE -> "dense";
            case DENSE_AND_SELECT -> "dense + select";
            case BLOCK_SPARSE -> "block-sparse";
            case SELECT_AND_SPARSE -> "select + block-sparse";
        };
    }
}
