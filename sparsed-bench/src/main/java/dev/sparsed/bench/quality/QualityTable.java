package dev.sparsed.bench.quality;

import java.util.List;

/**
 * Outcomes as a table: one row per kind of task, in the order of their first task, and a last one for all of them.
 */
public final class QualityTable {

    private QualityTable() {}

    /**
     * Draws the table.
     *
     * @param outcomes any number
     * @return its lines, the head first; without line ends
     */
    public static List<String> lines(List<TaskOutcome> outcomes) {
        TextTable table =
                new TextTable(1, "task", "length", "solved", "exact", "density", "kept", "forwards", "seconds");
        TaskKind.group(outcomes)
                .forEach((kind, members) -> row(table, kind.name(), String.valueOf(kind.length()), members));
        row(table, "all", "", outcomes);
        return table.lines();
    }

    private static void row(TextTable table, String name, String length, List<TaskOutcome> outcomes) {
        Summary summary = Summary.of(outcomes);
        table.row(
                name,
                length,
                summary.solved() + "/" + summary.tasks(),
                TextTable.number("%.1f %%", 100 * summary.exact()),
                TextTable.number("%.3f", summary.density()),
                TextTable.number("%.3f", summary.keptMass()),
                TextTable.number("%.1f", summary.forwards()),
                TextTable.number("%.2f", summary.seconds()));
    }
}
