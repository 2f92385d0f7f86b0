package dev.sparsed.bench.quality;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class TaskOutcomeTest {

    @Test
    void agreementIsAShareOfTheLongerAnswer() {
        assertThat(answer(5, 6, 7).agreement(answer(5, 6, 7))).isEqualTo(1);
        assertThat(answer(5, 6, 7, 8).agreement(answer(5, 9, 7))).isEqualTo(0.5);
        assertThat(answer(5, 9, 7).agreement(answer(5, 6, 7, 8))).isEqualTo(0.5);
        assertThat(answer(5000).agreement(answer(5000))).isEqualTo(1);
        assertThat(answer().agreement(answer(5))).isZero();
        assertThat(answer().agreement(answer())).isEqualTo(1);
    }

    private static TaskOutcome answer(Integer... tokens) {
        Task task = new Task(1, "add", 64, "?", "", 16, 16, 16, AnswerMode.EXACT, List.of("1"));
        return new TaskOutcome(task, List.of(tokens), "1", true, 1, Double.NaN, 16, 1024, 1);
    }
}
