package dev.sparsed.bench.quality;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class QualityTableTest {

    @Test
    void groupsByTaskAndLength() {
        assertThat(QualityTable.lines(List.of(
                        outcome("add", 64, true, 1, 0.5),
                        outcome("niah_single", 512, false, 0.4, 2),
                        outcome("add", 64, false, 0.5, 1),
                        outcome("niah_single", 1024, true, 0.3, 4))))
                .containsExactly(
                        "task         length  solved    exact  density   kept  forwards  seconds",
                        "add              64     1/2   50.0 %    0.750  0.900      15.0     0.75",
                        "niah_single     512     0/1    0.0 %    0.400  0.900      40.0     2.00",
                        "niah_single    1024     1/1  100.0 %    0.300      -      80.0     4.00",
                        "all                     2/4   50.0 %    0.550  0.900      37.5     1.88");
    }

    @Test
    void standsWithoutOutcomes() {
        assertThat(QualityTable.lines(List.of())).hasSize(2).last().asString().contains("0/0", "-");
    }

    private static TaskOutcome outcome(String name, int length, boolean solved, double density, double seconds) {
        Task task = new Task(1, name, length, "?", "", 16, 16, 16, AnswerMode.EXACT, List.of("1"));
        double keptMass = density == 0.3 ? Double.NaN : 0.9;
        return new TaskOutcome(task, List.of(), "1", solved, density, keptMass, (int) (20 * seconds), 0, seconds);
    }
}
