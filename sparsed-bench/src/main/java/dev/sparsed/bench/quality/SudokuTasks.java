package dev.sparsed.bench.quality;

import java.util.List;
import java.util.SplittableRandom;

/**
 * Makes sudokus as the demo model was trained on: a random grid of which 30 to 50 random cells are given. Some have more than one solution; any is right.
 */
public final class SudokuTasks {

    private static final int SIDE = 9;
    private static final int LEAST_GIVEN = 30;
    private static final int MOST_GIVEN = 50;

    /** 81 digits and the end of turn fit; one token is committed per step, since every cell depends on the others. */
    private static final int GEN_LENGTH = 96;

    private static final int LENGTH = 192;

    private SudokuTasks() {}

    /**
     * Makes a task.
     *
     * @param id its number
     * @param seed the same seed gives the same task
     * @return the task
     */
    public static Task task(int id, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        StringBuilder puzzle = new StringBuilder();
        for (int digit : grid(random)) {
            puzzle.append((char) ('0' + digit));
        }
        int blanks = Sudoku.CELLS - random.nextInt(LEAST_GIVEN, MOST_GIVEN + 1);
        int[] cells = shuffled(Sudoku.CELLS, random);
        for (int i = 0; i < blanks; i++) {
            puzzle.setCharAt(cells[i], '.');
        }
        return new Task(
                id,
                "sudoku",
                LENGTH,
                "Sudoku:\n" + puzzle,
                "",
                GEN_LENGTH,
                GEN_LENGTH,
                GEN_LENGTH,
                AnswerMode.SUDOKU,
                List.of(puzzle.toString()));
    }

    private static int[] grid(SplittableRandom random) {
        int[] grid = new int[Sudoku.CELLS];
        if (!fill(grid, random)) {
            throw new AssertionError("an empty grid can be filled");
        }
        return grid;
    }

    /** Backtracks, the cell with the fewest candidates first. {@return whether the blanks (0) could be filled} */
    private static boolean fill(int[] grid, SplittableRandom random) {
        int cell = -1;
        int candidates = 0;
        for (int blank : shuffled(Sudoku.CELLS, random)) {
            if (grid[blank] == 0) {
                int possible = candidates(grid, blank);
                if (cell < 0 || Integer.bitCount(possible) < Integer.bitCount(candidates)) {
                    cell = blank;
                    candidates = possible;
                }
            }
        }
        if (cell < 0) {
            return true;
        }
        for (int digit : shuffled(SIDE, random)) {
            if ((candidates >> digit & 1) != 0) {
                grid[cell] = digit + 1;
                if (fill(grid, random)) {
                    return true;
                }
            }
        }
        grid[cell] = 0;
        return false;
    }

    /** {@return the digits that no row, column or box of a cell holds; bit d for d + 1} */
    private static int candidates(int[] grid, int cell) {
        int row = cell / SIDE;
        int column = cell % SIDE;
        int used = 0;
        for (int other = 0; other < Sudoku.CELLS; other++) {
            boolean sees = other / SIDE == row
                    || other % SIDE == column
                    || other / SIDE / 3 == row / 3 && other % SIDE / 3 == column / 3;
            if (sees && grid[other] > 0) {
                used |= 1 << (grid[other] - 1);
            }
        }
        return ~used & (1 << SIDE) - 1;
    }

    private static int[] shuffled(int count, SplittableRandom random) {
        int[] numbers = new int[count];
        for (int i = 0; i < count; i++) {
            int j = random.nextInt(i + 1);
            numbers[i] = numbers[j];
            numbers[j] = i;
        }
        return numbers;
    }
}
