package dev.sparsed.bench.quality;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ComparisonTableTest {

    private static final Setting DENSE = new Setting("none", "fixed", "dense", request -> {});
    private static final Setting SPARSE = new Setting("none", "fixed", "sparsed:select=0.3", request -> {});
    private static final Setting ALONE = new Setting("dual", "entropy-bound=0.1", "sparsed", request -> {});

    @Test
    void aSettingIsARow() {
        assertThat(ComparisonTable.settings(outcomes()))
                .containsExactly(
                        "#  cache  rule               policy              solved    exact    agree  density   kept  forwards   rows  seconds",
                        "1  none   fixed              dense                  2/2  100.0 %  100.0 %    1.000      -       4.0  3,000     2.00",
                        "2  none   fixed              sparsed:select=0.3     1/2   50.0 %   62.5 %    0.600  0.950       3.5  2,500     1.50",
                        "3  dual   entropy-bound=0.1  sparsed                1/1  100.0 %        -    0.600  0.950       3.0  2,000     1.00");
    }

    @Test
    void aSettingIsAColumn() {
        assertThat(ComparisonTable.kinds(outcomes()))
                .containsExactly(
                        "task  length  tasks      1      2      3",
                        "add       64      1  100.0  100.0  100.0",
                        "copy      32      1  100.0    0.0      -");
    }

    private static Map<Setting, List<TaskOutcome>> outcomes() {
        Map<Setting, List<TaskOutcome>> outcomes = new LinkedHashMap<>();
        outcomes.put(DENSE, List.of(outcome("add", 64, true, 7, 8), outcome("copy", 32, true, 1, 2, 3, 4)));
        outcomes.put(SPARSE, List.of(outcome("add", 64, true, 7, 8), outcome("copy", 32, false, 1, 3)));
        outcomes.put(ALONE, List.of(outcome("add", 64, true, 7, 8)));
        outcomes.replaceAll((setting, solved) -> setting == DENSE ? solved : sparse(solved));
        return outcomes;
    }

    private static List<TaskOutcome> sparse(List<TaskOutcome> outcomes) {
        return outcomes.stream()
                .map(dense -> new TaskOutcome(
                        dense.task(),
                        dense.tokens(),
                        dense.answer(),
                        dense.solved(),
                        0.6,
                        0.95,
                        dense.task().name().equals("add") ? 3 : 4,
                        dense.task().name().equals("add") ? 2000 : 3000,
                        dense.task().name().equals("add") ? 1 : 2))
                .toList();
    }

    private static TaskOutcome outcome(String name, int length, boolean solved, Integer... tokens) {
        Task task = new Task(1, name, length, "?", "", 16, 16, 16, AnswerMode.EXACT, List.of("1"));
        return new TaskOutcome(task, List.of(tokens), "1", solved, 1, Double.NaN, 4, 3000, 2);
    }
}
