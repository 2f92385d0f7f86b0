package dev.sparsed.bench.quality;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class ComparisonTableTest {

    @Test
    void aSettingIsARow() {
        Setting setting = new Setting("dual", "entropy-bound=0.1", "sparsed", request -> {});
        assertThat(ComparisonTable.head())
                .isEqualTo(
                        "cache    rule               policy           solved   exact  density forwards      rows   seconds");
        assertThat(ComparisonTable.row(setting, List.of(outcome(true, 0.6, 3, 2000, 1), outcome(false, 1, 4, 3000, 2))))
                .isEqualTo(
                        "dual     entropy-bound=0.1  sparsed             1/2  50.0 %    0.800      3.5     2,500      1.50");
    }

    private static TaskOutcome outcome(boolean solved, double density, int forwards, long rows, double seconds) {
        Task task = new Task(1, "add", 64, "?", "", 16, 16, 16, AnswerMode.EXACT, List.of("1"));
        return new TaskOutcome(task, "1", solved, density, forwards, rows, seconds);
    }
}
