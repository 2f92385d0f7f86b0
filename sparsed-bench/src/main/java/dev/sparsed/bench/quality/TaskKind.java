package dev.sparsed.bench.quality;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Tasks of a kind.
 *
 * @param name such as {@code niah_single}
 * @param length tokens of prompt and generation, rounded up as in the file
 */
public record TaskKind(String name, int length) {

    /**
     * The kind of a task.
     *
     * @param task any
     * @return its kind
     */
    public static TaskKind of(Task task) {
        return new TaskKind(task.name(), task.length());
    }

    /**
     * Groups outcomes.
     *
     * @param outcomes any number
     * @return them by kind, in the order of each kind's first outcome
     */
    public static Map<TaskKind, List<TaskOutcome>> group(List<TaskOutcome> outcomes) {
        Map<TaskKind, List<TaskOutcome>> kinds = new LinkedHashMap<>();
        for (TaskOutcome outcome : outcomes) {
            kinds.computeIfAbsent(of(outcome.task()), kind -> new ArrayList<>()).add(outcome);
        }
        return kinds;
    }
}
