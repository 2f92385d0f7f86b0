package dev.sparsed.bench.quality;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The same tasks with several settings. A table has a numbered row per setting: what was solved, how many of the tokens are dense attention's, and
 * what a task took on average; another one tells what was solved by kind of task, with a column per setting.
 */
public final class ComparisonTable {

    private ComparisonTable() {}

    /**
     * Draws the table of settings. Agreement is with the first setting of the same cache and rule whose policy is {@code dense}, a dash if there is
     * none.
     *
     * @param outcomes by setting, in the order of the tasks
     * @return its lines, the head first; without line ends
     */
    public static List<String> settings(Map<Setting, List<TaskOutcome>> outcomes) {
        TextTable table = new TextTable(
                4,
                "#",
                "cache",
                "rule",
                "policy",
                "solved",
                "exact",
                "agree",
                "density",
                "kept",
                "forwards",
                "rows",
                "seconds");
        int number = 0;
        for (Map.Entry<Setting, List<TaskOutcome>> entry : outcomes.entrySet()) {
            Setting setting = entry.getKey();
            Summary summary = Summary.of(entry.getValue());
            double agreement = outcomes.keySet().stream()
                    .filter(setting::isDenseTwin)
                    .findFirst()
                    .map(dense -> Summary.agreement(entry.getValue(), outcomes.get(dense)))
                    .orElse(Double.NaN);
            table.row(
                    String.valueOf(++number),
                    setting.cache(),
                    setting.rule(),
                    setting.policy(),
                    summary.solved() + "/" + summary.tasks(),
                    TextTable.number("%.1f %%", 100 * summary.exact()),
                    TextTable.number("%.1f %%", 100 * agreement),
                    TextTable.number("%.3f", summary.density()),
                    TextTable.number("%.3f", summary.keptMass()),
                    TextTable.number("%.1f", summary.forwards()),
                    TextTable.number("%,.0f", summary.rows()),
                    TextTable.number("%.2f", summary.seconds()));
        }
        return table.lines();
    }

    /**
     * Draws the table of kinds: the share solved, in percent, with a column per setting under its number in the other table.
     *
     * @param outcomes by setting, in the order of the tasks
     * @return its lines, the head first; without line ends
     */
    public static List<String> kinds(Map<Setting, List<TaskOutcome>> outcomes) {
        List<Map<TaskKind, List<TaskOutcome>>> columns =
                outcomes.values().stream().map(TaskKind::group).toList();
        Set<TaskKind> kinds = new LinkedHashSet<>();
        columns.forEach(column -> kinds.addAll(column.keySet()));
        List<String> head = new ArrayList<>(List.of("task", "length", "tasks"));
        IntStream.rangeClosed(1, columns.size()).mapToObj(String::valueOf).forEach(head::add);
        TextTable table = new TextTable(1, head.toArray(String[]::new));
        for (TaskKind kind : kinds) {
            List<Summary> cells = columns.stream()
                    .map(column -> Summary.of(column.getOrDefault(kind, List.of())))
                    .toList();
            int most = cells.stream().mapToInt(Summary::tasks).max().orElse(0);
            table.row(Stream.concat(
                            Stream.of(kind.name(), String.valueOf(kind.length()), String.valueOf(most)),
                            cells.stream().map(cell -> TextTable.number("%.1f", 100 * cell.exact())))
                    .toArray(String[]::new));
        }
        return table.lines();
    }
}
