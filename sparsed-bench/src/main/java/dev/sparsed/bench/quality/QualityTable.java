package dev.sparsed.bench.quality;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * Outcomes as a table: one row per kind of task and length, in the order of their first task, and a last one for all of
 * them.
 */
public final class QualityTable {

    private static final String ROW = "%-18s %6s %9s %7s %8s %9s %9s";

    private QualityTable() {}

    private record Group(String name, int length) {}

    /**
     * Draws the table.
     *
     * @param outcomes any number
     * @return its lines, the head first; without line ends
     */
    public static List<String> lines(List<TaskOutcome> outcomes) {
        Map<Group, List<TaskOutcome>> groups = new LinkedHashMap<>();
        for (TaskOutcome outcome : outcomes) {
            Group group = new Group(outcome.task().name(), outcome.task().length());
            groups.computeIfAbsent(group, key -> new ArrayList<>()).add(outcome);
        }
        List<String> lines = new ArrayList<>();
        lines.add(format("task", "length", "solved", "exact", "density", "forwards", "seconds"));
        groups.forEach((group, members) -> lines.add(row(group.name(), String.valueOf(group.length()), members)));
        lines.add(row("all", "", outcomes));
        return lines;
    }

    private static String row(String name, String length, List<TaskOutcome> outcomes) {
        long solved = outcomes.stream().filter(TaskOutcome::solved).count();
        return format(
                name,
                length,
                solved + "/" + outcomes.size(),
                outcomes.isEmpty() ? "-" : String.format(Locale.ROOT, "%.1f %%", 100.0 * solved / outcomes.size()),
                mean(outcomes, TaskOutcome::density, "%.3f"),
                mean(outcomes, TaskOutcome::forwards, "%.1f"),
                mean(outcomes, TaskOutcome::seconds, "%.2f"));
    }

    private static String mean(List<TaskOutcome> outcomes, ToDoubleFunction<TaskOutcome> value, String format) {
        return outcomes.isEmpty()
                ? "-"
                : String.format(
                        Locale.ROOT,
                        format,
                        outcomes.stream().mapToDouble(value).average().getAsDouble());
    }

    private static String format(Object... cells) {
        return String.format(Locale.ROOT, ROW, cells);
    }
}
