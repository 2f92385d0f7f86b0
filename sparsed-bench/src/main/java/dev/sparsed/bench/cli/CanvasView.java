package dev.sparsed.bench.cli;

import dev.sparsed.bench.canvas.Cell;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * The generated part of the canvas as lines of text: masks as dim cells, fresh tokens highlighted, older ones plain.
 * Wraps at the width (a token may break across lines), starts a new line where a token holds a line break, and never
 * lets a control character through.
 *
 * @param columns width in characters, ≥ 2
 * @param rows the most lines to give, ≥ 1; of more, those around the first mask or fresh token are given
 * @param glyphs what masks look like
 * @param style how emphasis is written
 */
record CanvasView(int columns, int rows, Glyphs glyphs, Style style) {

    /**
     * Draws.
     *
     * @param cells the positions in order
     * @return at most {@link #rows} lines of at most {@link #columns} columns, escape sequences not counted
     */
    List<String> lines(List<Cell> cells) {
        Page page = new Page();
        for (Cell cell : cells) {
            switch (cell.kind()) {
                case MASK -> page.add(glyphs.mask(), style::dim, true);
                case SPECIAL -> page.add(glyphs.special(), style::dim, false);
                case FRESH -> page.add(cell.text(), style::fresh, true);
                case TOKEN -> page.add(cell.text(), UnaryOperator.identity(), false);
            }
        }
        return page.window();
    }

    /** Lines under construction. */
    private final class Page {

        private final List<String> lines = new ArrayList<>();
        private final StringBuilder line = new StringBuilder();
        private int used;
        private int firstActive = -1;

        void add(String text, UnaryOperator<String> emphasis, boolean active) {
            StringBuilder run =
                    new StringBuilder(); // emphasised as one, so that a token costs one pair of escape sequences
            for (int i = 0; i < text.length(); ) {
                int character = text.codePointAt(i);
                i += Character.charCount(character);
                if (character == '\n') {
                    line.append(emphasis.apply(run.toString()));
                    run.setLength(0);
                    breakLine();
                    continue;
                }
                String shown = shown(character);
                int width = CharacterWidth.of(shown.codePointAt(0));
                if (used + width > columns) {
                    line.append(emphasis.apply(run.toString()));
                    run.setLength(0);
                    breakLine();
                }
                run.append(shown);
                used += width;
                if (active && firstActive < 0) {
                    firstActive = lines.size();
                }
            }
            line.append(emphasis.apply(run.toString()));
        }

        private String shown(int character) {
            if (character == '\t') {
                return " ";
            }
            return switch (Character.getType(character)) {
                // format characters too: among them are those that reverse the direction of a whole line
                case Character.CONTROL,
                        Character.FORMAT,
                        Character.SURROGATE,
                        Character.LINE_SEPARATOR,
                        Character.PARAGRAPH_SEPARATOR,
                        Character.UNASSIGNED,
                        Character.PRIVATE_USE -> glyphs.control();
                default -> Character.toString(character);
            };
        }

        private void breakLine() {
            lines.add(line.toString());
            line.setLength(0);
            used = 0;
        }

        List<String> window() {
            breakLine();
            if (lines.size() <= rows) {
                return List.copyOf(lines);
            }
            int centre = firstActive < 0 ? lines.size() - 1 : firstActive;
            int first = Math.clamp(centre - rows / 2, 0, lines.size() - rows);
            return List.copyOf(lines.subList(first, first + rows));
        }
    }
}
