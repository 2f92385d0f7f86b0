package dev.sparsed.bench.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sparsed.ModelInfo;
import dev.sparsed.StepEvent;
import dev.sparsed.attention.AttentionMode;
import dev.sparsed.bench.quality.AnswerMode;
import dev.sparsed.bench.quality.Task;
import dev.sparsed.spi.HeadLayout;
import dev.sparsed.spi.Positions;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NeedleChoiceTest {

    private static final ModelInfo MODEL =
            new ModelInfo("LLADA", 8, 256, new HeadLayout(4, 4, 64), 704, 2048, 8192, 2044);
    private static final List<Task> TASKS = List.of(
            task("niah_single", 512),
            task("niah_single", 1024),
            task("sudoku", 192),
            task("niah_single", 2048),
            task("niah_single", 4096));

    /** A step of 192 tokens takes 2.8 GFLOP, of 512 9.6, of 1024 23.5, of 2048 64.7; 32 of them must take 80 s at most. */
    @ParameterizedTest
    @CsvSource({"0.03, 2048", "0.1, 2048", "0.12, 1024", "0.28, 1024", "0.32, 512", "60, 512"})
    void picksTheLongestTextThatIsReadInTime(double secondsPerStep, int length) {
        assertThat(NeedleChoice.of(TASKS, MODEL, 192, secondsPerStep).length()).isEqualTo(length);
    }

    @Test
    void wantsTheNumberInTheMiddleOfTheText() {
        Task atTheEnd =
                new Task(1, "niah_single", 2048, "it is at the end: 7", "", 32, 32, 16, AnswerMode.EXACT, List.of("7"));
        assertThat(NeedleChoice.of(List.of(TASKS.getFirst(), atTheEnd), MODEL, 192, 0.01))
                .isSameAs(TASKS.getFirst());
    }

    @Test
    void saysWhatItNeeds() {
        assertThatThrownBy(() -> NeedleChoice.of(TASKS.subList(2, 3), MODEL, 192, 1))
                .hasMessageContaining("needs a task niah_single");
    }

    @Test
    void aMedianIsNotMovedByOneSlowStep() {
        StepTimes times = new StepTimes();
        for (long nanos : new long[] {5, 900, 1, 3}) {
            times.add(new StepEvent(0, 4, AttentionMode.DENSE, List.of(), List.of(), 0, Positions.range(0, 1), nanos));
        }
        times.add(new StepEvent(0, 4, AttentionMode.BLOCK_SPARSE, List.of(), List.of(), 0, Positions.range(0, 1), 2));
        assertThat(times.median(AttentionMode.DENSE)).hasValue(4);
        assertThat(times.median(AttentionMode.BLOCK_SPARSE)).hasValue(2);
        assertThat(times.median(AttentionMode.DENSE_AND_SELECT)).isEmpty();
    }

    private static Task task(String name, int length) {
        return new Task(1, name, length, "middle 7 of it", "", 32, 32, 16, AnswerMode.EXACT, List.of("7"));
    }
}
