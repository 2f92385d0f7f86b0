package dev.sparsed.bench.quality;

import java.util.ArrayList;
import java.util.List;

/** The rules of sudoku, for 81 characters row by row. */
public final class Sudoku {

    /** Cells of a grid. */
    public static final int CELLS = 81;

    private static final int SIDE = 9;
    private static final int ALL_DIGITS = 0b11_1111_1110;

    private Sudoku() {}

    /**
     * Finds what is wrong with a solution.
     *
     * @param puzzle 81 characters, {@code '.'} for a blank
     * @param solution what is claimed to complete it
     * @return one sentence part per fault, such as {@code "row 3 does not hold every digit"}; empty if the solution is
     *     right
     */
    public static List<String> faults(String puzzle, String solution) {
        if (solution.length() != CELLS || !solution.chars().allMatch(c -> c >= '1' && c <= '9')) {
            return List.of("it is not 81 digits of 1 ... 9");
        }
        List<String> faults = new ArrayList<>();
        for (int cell = 0; cell < CELLS; cell++) {
            if (puzzle.charAt(cell) != '.' && puzzle.charAt(cell) != solution.charAt(cell)) {
                faults.add("the given " + puzzle.charAt(cell) + " in row " + (cell / SIDE + 1) + ", column "
                        + (cell % SIDE + 1) + " became " + solution.charAt(cell));
            }
        }
        for (int unit = 0; unit < SIDE; unit++) {
            int row = 0;
            int column = 0;
            int box = 0;
            for (int i = 0; i < SIDE; i++) {
                row |= bit(solution, unit, i);
                column |= bit(solution, i, unit);
                box |= bit(solution, unit / 3 * 3 + i / 3, unit % 3 * 3 + i % 3);
            }
            addFault(faults, "row", unit, row);
            addFault(faults, "column", unit, column);
            addFault(faults, "box", unit, box);
        }
        return faults;
    }

    private static int bit(String grid, int row, int column) {
        return 1 << (grid.charAt(row * SIDE + column) - '0');
    }

    private static void addFault(List<String> faults, String kind, int unit, int digits) {
        if (digits != ALL_DIGITS) {
            faults.add(kind + " " + (unit + 1) + " does not hold every digit");
        }
    }
}
