package dev.sparsed.bench.quality;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class SudokuTasksTest {

    @Test
    void makesPuzzlesThatHaveASolution() {
        Set<String> puzzles = new HashSet<>();
        for (int seed = 0; seed < 20; seed++) {
            Task task = SudokuTasks.task(seed, seed);
            assertThat(SudokuTasks.task(seed, seed)).isEqualTo(task);
            String puzzle = task.answer().getFirst();
            assertThat(task.user()).isEqualTo("Sudoku:\n" + puzzle);
            assertThat(puzzle).matches("[1-9.]{81}");
            assertThat(puzzle.chars().filter(c -> c != '.').count()).isBetween(30L, 50L);
            assertThat(Sudoku.faults(puzzle, solve(puzzle))).isEmpty();
            assertThat(puzzles.add(puzzle)).isTrue();
        }
    }

    /** Depth-first, cell by cell. {@return a completion, or "" if there is none} */
    private static String solve(String puzzle) {
        int blank = puzzle.indexOf('.');
        if (blank < 0) {
            return puzzle;
        }
        for (char digit = '1'; digit <= '9'; digit++) {
            if (fits(puzzle, blank, digit)) {
                String solved = solve(puzzle.substring(0, blank) + digit + puzzle.substring(blank + 1));
                if (!solved.isEmpty()) {
                    return solved;
                }
            }
        }
        return "";
    }

    private static boolean fits(String puzzle, int cell, char digit) {
        for (int i = 0; i < 9; i++) {
            int inBox = (cell / 27 * 3 + i / 3) * 9 + cell % 9 / 3 * 3 + i % 3;
            if (puzzle.charAt(cell / 9 * 9 + i) == digit
                    || puzzle.charAt(i * 9 + cell % 9) == digit
                    || puzzle.charAt(inBox) == digit) {
                return false;
            }
        }
        return true;
    }
}
