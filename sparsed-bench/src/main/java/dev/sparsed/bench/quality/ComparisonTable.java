package dev.sparsed.bench.quality;

import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/** The same tasks with several settings, a row for each: what was solved, and what a task took on average. */
public final class ComparisonTable {

    private static final String ROW = "%-8s %-18s %-13s %9s %7s %8s %8s %9s %9s";

    private ComparisonTable() {}

    /** {@return the head of the table, without line end} */
    public static String head() {
        return String.format(
                Locale.ROOT,
                ROW,
                "cache",
                "rule",
                "policy",
                "solved",
                "exact",
                "density",
                "forwards",
                "rows",
                "seconds");
    }

    /**
     * Draws a row.
     *
     * @param setting how the tasks were generated
     * @param outcomes at least one
     * @return the row, without line end
     */
    public static String row(Setting setting, List<TaskOutcome> outcomes) {
        long solved = outcomes.stream().filter(TaskOutcome::solved).count();
        return String.format(
                Locale.ROOT,
                ROW,
                setting.cache(),
                setting.rule(),
                setting.policy(),
                solved + "/" + outcomes.size(),
                String.format(Locale.ROOT, "%.1f %%", 100.0 * solved / outcomes.size()),
                mean(outcomes, TaskOutcome::density, "%.3f"),
                mean(outcomes, TaskOutcome::forwards, "%.1f"),
                mean(outcomes, TaskOutcome::rowsForwarded, "%,.0f"),
                mean(outcomes, TaskOutcome::seconds, "%.2f"));
    }

    private static String mean(List<TaskOutcome> outcomes, ToDoubleFunction<TaskOutcome> value, String format) {
        return String.format(
                Locale.ROOT,
                format,
                outcomes.stream().mapToDouble(value).average().orElseThrow());
    }
}
