package dev.sparsed.bench.quality;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TaskCheckerTest {

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
            EXACT  | 96              | 96                | true
            EXACT  | 96              | " 96\\n"          | true
            EXACT  | 96              | 960               | false
            EXACT  | 96              | 9 6               | false
            EXACT  | 96              | ""                | false
            NUMS   | 70268           | 70268             | true
            NUMS   | 70268           | 70268.            | true
            NUMS   | 70268           | 070268            | false
            NUMS   | 66035,40420     | 66035 and 40420.  | true
            NUMS   | 66035,40420     | 40420, 66035      | false
            NUMS   | 66035,40420     | 66035, 40420, 1   | false
            NUMSET | 60382,54676     | 54676, 60382      | true
            NUMSET | 60382,54676     | 54676, 54676      | false
            NUMSET | 60382,54676     | 60382             | false
            NUMSET | 11,11           | 11                | false
            LIST   | R84,N81         | R84, N81          | true
            LIST   | R84,N81         | N81, R84          | false
            SET    | R84,N81         | N81, R84          | true
            SET    | R84,N81         | N81,R84           | false
            SET    | R84,N81         | N81, R84, R84     | false
            SET    | R84,N81         | N81, R84,         | false
            """)
    void checksByMode(AnswerMode mode, String expected, String answer, boolean solved) {
        Task task = task(mode, expected.split(","));
        assertThat(TaskChecker.solved(task, answer.replace("\\n", "\n"))).isEqualTo(solved);
    }

    @Test
    void onlyAsciiDigitsAreNumbers() {
        assertThat(TaskChecker.solved(task(AnswerMode.NUMS, "12"), "١٢ 12")).isTrue();
    }

    @Test
    void takesAnyRightCompletionOfASudoku() {
        Task blank = task(AnswerMode.SUDOKU, ".".repeat(81));
        assertThat(TaskChecker.solved(blank, SudokuTest.SOLUTION)).isTrue();
        assertThat(TaskChecker.solved(blank, SudokuTest.exchanged(SudokuTest.SOLUTION, '1', '2')))
                .isTrue();
        Task given = task(AnswerMode.SUDOKU, SudokuTest.SOLUTION.charAt(0) + ".".repeat(80));
        assertThat(TaskChecker.solved(given, "\n" + SudokuTest.SOLUTION + " ")).isTrue();
        assertThat(TaskChecker.solved(given, SudokuTest.exchanged(SudokuTest.SOLUTION, '1', '5')))
                .isFalse();
        assertThat(TaskChecker.solved(given, "")).isFalse();
    }

    static Task task(AnswerMode mode, String... answer) {
        return new Task(1, "some", 64, "?", "", 16, 16, 16, mode, List.of(answer));
    }
}
