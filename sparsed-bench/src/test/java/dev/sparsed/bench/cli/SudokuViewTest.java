package dev.sparsed.bench.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sparsed.bench.canvas.Cell;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.Test;

class SudokuViewTest {

    private static final String PUZZLE = "12" + ".".repeat(79);

    @Test
    void drawsGivensMasksAndDigits() {
        SudokuView view = new SudokuView(PUZZLE, Glyphs.ASCII, Style.NONE);
        List<Cell> cells = masks();
        cells.set(0, token("1"));
        cells.set(2, token("3"));
        cells.set(80, new Cell(Cell.Kind.FRESH, "9"));
        List<String> lines = view.lines(cells);
        assertThat(lines).hasSize(13).allMatch(line -> line.length() == 31);
        assertThat(lines.subList(0, 3))
                .containsExactly(
                        "+---------+---------+---------+",
                        "|[1][2] 3 | _  _  _ | _  _  _ |",
                        "| _  _  _ | _  _  _ | _  _  _ |");
        assertThat(lines.get(11)).isEqualTo("| _  _  _ | _  _  _ | _  _ >9<|");
    }

    @Test
    void marksAGivenThatWasChanged() {
        List<Cell> cells = masks();
        cells.set(0, token("7"));
        assertThat(new SudokuView(PUZZLE, Glyphs.ASCII, Style.NONE).lines(cells).get(1))
                .startsWith("|!7![2]");
        assertThat(new SudokuView(PUZZLE, Glyphs.UNICODE, new Style(true))
                        .lines(cells)
                        .get(1))
                .contains("\033[31m 7 \033[0m");
    }

    @Test
    void showsWhatIsNoDigitAsAQuestionMark() {
        List<Cell> cells = masks();
        cells.set(3, token("\033[2J"));
        cells.set(4, new Cell(Cell.Kind.SPECIAL, "<|eot_id|>"));
        assertThat(new SudokuView(PUZZLE, Glyphs.ASCII, Style.NONE).lines(cells).get(1))
                .isEqualTo("|[1][2] _ | ?  ?  _ | _  _  _ |");
    }

    @Test
    void coloursTakeNoColumns() {
        List<Cell> cells = masks();
        cells.set(5, token("4"));
        cells.set(6, new Cell(Cell.Kind.FRESH, "5"));
        List<String> coloured = new SudokuView(PUZZLE, Glyphs.UNICODE, new Style(true)).lines(cells);
        assertThat(coloured.get(1)).contains("\033[1m1\033[0m", "\033[32m4\033[0m", "\033[30;42m 5 \033[0m");
        assertThat(coloured)
                .allMatch(line -> line.replaceAll("\033\\[[0-9;]*m", "").length() == 31);
    }

    private static List<Cell> masks() {
        return new ArrayList<>(Collections.nCopies(96, Cell.MASK));
    }

    private static Cell token(String text) {
        return new Cell(Cell.Kind.TOKEN, text);
    }
}
