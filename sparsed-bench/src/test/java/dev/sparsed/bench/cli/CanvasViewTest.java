package dev.sparsed.bench.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sparsed.bench.canvas.Cell;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;

class CanvasViewTest {

    private static final CanvasView PLAIN = new CanvasView(10, 5, Glyphs.UNICODE, Style.NONE);

    @Test
    void showsMasksTokensAndTheEndOfTheTurn() {
        assertThat(PLAIN.lines(List.of(token("12"), Cell.MASK, fresh("7"), Cell.MASK, special())))
                .containsExactly("12░7░·");
    }

    @Test
    void fallsBackToAscii() {
        CanvasView ascii = new CanvasView(10, 5, Glyphs.ASCII, Style.NONE);
        assertThat(ascii.lines(List.of(Cell.MASK, token("a"), special()))).containsExactly("_a.");
    }

    @Test
    void emphasises() {
        CanvasView coloured = new CanvasView(10, 5, Glyphs.UNICODE, new Style(true));
        assertThat(coloured.lines(List.of(token("a"), fresh("b\nc"), Cell.MASK)))
                .containsExactly("a\033[30;42mb\033[0m", "\033[30;42mc\033[0m\033[2m░\033[0m");
    }

    @Test
    void wrapsAtTheWidthAlsoWithinATokenAndAtLineBreaks() {
        assertThat(PLAIN.lines(List.of(token("01234567"), token("89ab"), token("c\n\nd"), Cell.MASK)))
                .containsExactly("0123456789", "abc", "", "d░");
    }

    @Test
    void countsTheColumnsOfWideAndOfCombiningCharacters() {
        CanvasView four = new CanvasView(4, 9, Glyphs.UNICODE, Style.NONE);
        assertThat(four.lines(List.of(token("a漢字")))).containsExactly("a漢", "字");
        assertThat(four.lines(List.of(token("👍👍👍")))).containsExactly("👍👍", "👍");
        assertThat(four.lines(List.of(token("e\u0301e\u0301e\u0301e\u0301")))).hasSize(1);
    }

    @Test
    void letsNoControlCharacterThrough() {
        assertThat(PLAIN.lines(List.of(token("\033[2J\t\u202e\u009b\r\u0000")))).containsExactly("¤[2J ¤¤¤¤");
    }

    @Test
    void showsTheRowsAroundTheFirstMask() {
        List<Cell> cells = new ArrayList<>();
        for (int line = 0; line < 20; line++) {
            cells.add(line == 12 ? Cell.MASK : token(String.valueOf(line)));
            cells.add(token("\n"));
        }
        assertThat(PLAIN.lines(cells)).containsExactly("10", "11", "░", "13", "14");
        assertThat(PLAIN.lines(cells.subList(0, 24))).containsExactly("8", "9", "10", "11", "");
        cells.set(0, Cell.MASK);
        assertThat(PLAIN.lines(cells)).containsExactly("░", "1", "2", "3", "4");
    }

    @Test
    void anEmptyCanvasIsAnEmptyLine() {
        assertThat(PLAIN.lines(List.of())).containsExactly("");
    }

    @RepeatedTest(20)
    void neverLeavesItsFrameAndLosesNothingWhileItFits(RepetitionInfo repetition) {
        Random random = new Random(repetition.getCurrentRepetition());
        int columns = 2 + random.nextInt(30);
        List<Cell> cells = new ArrayList<>();
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < 100; i++) {
            String word = String.join("", Collections.nCopies(random.nextInt(6), "x"));
            Cell cell = random.nextBoolean() ? fresh(word) : token(word);
            cells.add(random.nextInt(3) == 0 ? Cell.MASK : cell);
            text.append(cells.getLast() == Cell.MASK ? "░" : word);
        }
        List<String> whole = new CanvasView(columns, 1000, Glyphs.UNICODE, Style.NONE).lines(cells);
        assertThat(whole).allMatch(line -> line.length() <= columns);
        assertThat(String.join("", whole)).isEqualTo(text.toString());
        List<String> window = new CanvasView(columns, 3, Glyphs.UNICODE, Style.NONE).lines(cells);
        assertThat(window).hasSizeLessThanOrEqualTo(3);
        assertThat(Collections.indexOfSubList(whole, window)).isNotNegative();
    }

    private static Cell token(String text) {
        return new Cell(Cell.Kind.TOKEN, text);
    }

    private static Cell fresh(String text) {
        return new Cell(Cell.Kind.FRESH, text);
    }

    private static Cell special() {
        return new Cell(Cell.Kind.SPECIAL, "<|eot_id|>");
    }
}
