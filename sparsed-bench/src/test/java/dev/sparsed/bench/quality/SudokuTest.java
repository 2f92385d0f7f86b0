package dev.sparsed.bench.quality;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SudokuTest {

    /** Wikipedia's example. */
    static final String SOLUTION = "534678912672195348198342567859761423426853791713924856961537284287419635345286179";

    private static final String PUZZLE =
            "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79";

    @Test
    void findsNothingWrongWithTheSolution() {
        assertThat(Sudoku.faults(PUZZLE, SOLUTION)).isEmpty();
    }

    @Test
    void noticesEveryWrongCell() {
        for (int cell = 0; cell < Sudoku.CELLS; cell++) {
            char wrong = SOLUTION.charAt(cell) == '9' ? '1' : (char) (SOLUTION.charAt(cell) + 1);
            String changed = SOLUTION.substring(0, cell) + wrong + SOLUTION.substring(cell + 1);
            int given = PUZZLE.charAt(cell) == '.' ? 0 : 1;
            assertThat(Sudoku.faults(PUZZLE, changed))
                    .hasSize(3 + given)
                    .contains("row " + (cell / 9 + 1) + " does not hold every digit")
                    .contains("column " + (cell % 9 + 1) + " does not hold every digit");
        }
    }

    @Test
    void namesAGivenThatWasChanged() {
        assertThat(Sudoku.faults(PUZZLE, exchanged(SOLUTION, '5', '3')))
                .contains("the given 5 in row 1, column 1 became 3", "the given 3 in row 1, column 2 became 5")
                .allMatch(fault -> fault.startsWith("the given"));
    }

    @Test
    void rowsAndColumnsAloneAreNotEnough() {
        StringBuilder shifted = new StringBuilder(); // a Latin square whose boxes are wrong
        IntStream.range(0, 81).forEach(i -> shifted.append((i / 9 + i % 9) % 9 + 1));
        assertThat(Sudoku.faults(".".repeat(81), shifted.toString()))
                .isNotEmpty()
                .allMatch(fault -> fault.startsWith("box"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "1", "0"})
    void wantsEightyOneDigits(String end) {
        assertThat(Sudoku.faults(PUZZLE, SOLUTION.substring(0, 80) + end).size())
                .isPositive();
        assertThat(Sudoku.faults(PUZZLE, SOLUTION + end).isEmpty()).isEqualTo(end.isEmpty());
    }

    static String exchanged(String grid, char one, char other) {
        return grid.replace(one, '#').replace(other, one).replace('#', other);
    }
}
