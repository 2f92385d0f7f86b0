package dev.sparsed.bench.cli;

import dev.sparsed.bench.canvas.Cell;
import dev.sparsed.bench.quality.Sudoku;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A sudoku as a 9 × 9 grid, 31 columns by 13 lines. With colours, givens are bold and the model's digits green;
 * without, givens are in brackets. A given that the model changed is marked as wrong.
 *
 * @param puzzle 81 characters, {@code '.'} for a blank
 * @param glyphs frame and masks
 * @param style how emphasis is written
 */
record SudokuView(String puzzle, Glyphs glyphs, Style style) {

    /** Width of the grid in characters. */
    static final int COLUMNS = 31;

    /** Height of the grid in lines. */
    static final int ROWS = 13;

    private static final int SIDE = 9;

    /**
     * Draws.
     *
     * @param cells the generated positions in order; the first 81 are the grid, a position that is not there counts as
     *     masked
     * @return 13 lines
     */
    List<String> lines(List<Cell> cells) {
        List<String> lines = new ArrayList<>();
        for (int row = 0; row < SIDE; row++) {
            if (row % 3 == 0) {
                lines.add(rule(row == 0 ? 2 : 5));
            }
            StringBuilder line = new StringBuilder();
            for (int column = 0; column < SIDE; column++) {
                if (column % 3 == 0) {
                    line.append(frame(1));
                }
                int cell = row * SIDE + column;
                line.append(cell(puzzle.charAt(cell), cell < cells.size() ? cells.get(cell) : Cell.MASK));
            }
            lines.add(line.append(frame(1)).toString());
        }
        lines.add(rule(8));
        return lines;
    }

    /** {@return one line that explains the marks} */
    String legend() {
        return cell('7', new Cell(Cell.Kind.TOKEN, "7")) + " given  " + cell('.', Cell.MASK) + " masked  "
                + cell('.', new Cell(Cell.Kind.FRESH, "7")) + " just denoised  "
                + cell('.', new Cell(Cell.Kind.TOKEN, "7"))
                + " denoised before";
    }

    private String cell(char given, Cell cell) {
        boolean blank = given == '.';
        boolean masked = cell.kind() == Cell.Kind.MASK;
        String digit = masked ? (blank ? glyphs.mask() : String.valueOf(given)) : digit(cell);
        if (!blank && !digit.equals(String.valueOf(given))) {
            return style.colours() ? style.wrong(" " + digit + " ") : "!" + digit + "!";
        }
        if (!blank) {
            return style.colours() ? " " + style.bold(digit) + " " : "[" + digit + "]";
        }
        return switch (cell.kind()) {
            case MASK -> " " + style.dim(digit) + " ";
            case FRESH -> style.colours() ? style.fresh(" " + digit + " ") : ">" + digit + "<";
            case TOKEN, SPECIAL -> " " + style.made(digit) + " ";
        };
    }

    private static String digit(Cell cell) {
        return cell.kind() != Cell.Kind.SPECIAL && cell.text().matches("[1-9]") ? cell.text() : "?";
    }

    private String rule(int left) {
        String three = frame(0).repeat(SIDE);
        return frame(left) + three + frame(left + 1) + three + frame(left + 1) + three + frame(left + 2);
    }

    private String frame(int index) {
        return style.dim(String.valueOf(glyphs.frame().charAt(index)));
    }

    /**
     * How much is still to be found.
     *
     * @param cells the generated positions in order
     * @return blanks of the puzzle that are masked
     */
    int maskedBlanks(List<Cell> cells) {
        return (int) IntStream.range(0, Sudoku.CELLS)
                .filter(cell -> puzzle.charAt(cell) == '.' && cells.get(cell).kind() == Cell.Kind.MASK)
                .count();
    }
}
