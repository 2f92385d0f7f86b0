package dev.sparsed.bench.cli;

import dev.sparsed.ModelInfo;
import dev.sparsed.bench.quality.Task;
import java.util.Comparator;
import java.util.List;

/** Picks the hidden-number task whose two runs a machine of a measured speed finishes in reasonable time. */
final class NeedleChoice {

    private static final String NAME = "niah_single";
    private static final int LONGEST = 2048;

    /** Both runs together; a demo of two minutes loads and solves a sudoku as well. */
    private static final double MOST_SECONDS = 80;

    /**
     * Share of the text before the number, so that it stands neither at the beginning nor at the end, which are shown.
     */
    private static final double LEAST_DEPTH = 0.2;

    private static final double MOST_DEPTH = 0.8;

    private NeedleChoice() {}

    /**
     * Picks the longest task up to 2,048 tokens, its answer in the middle of the text, that fits into the time, or the
     * shortest of all if none does.
     *
     * @param tasks what there is
     * @param model the model
     * @param measuredTokens N of the canvas that was measured
     * @param measuredSeconds time of one dense step on it
     * @return the task
     * @throws IllegalArgumentException if there is no such task at all
     */
    static Task of(List<Task> tasks, ModelInfo model, int measuredTokens, double measuredSeconds) {
        double secondsPerOperation = measuredSeconds / operations(model, measuredTokens);
        List<Task> byLength = tasks.stream()
                .filter(task -> task.name().equals(NAME) && task.length() <= LONGEST)
                .filter(task -> depth(task) >= LEAST_DEPTH && depth(task) <= MOST_DEPTH)
                .sorted(Comparator.comparingInt(Task::length))
                .toList();
        if (byLength.isEmpty()) {
            throw new IllegalArgumentException("the demo needs a task " + NAME + " of at most " + LONGEST
                    + " tokens with its answer in the middle of the text");
        }
        Task first = byLength.getFirst();
        return byLength.stream()
                .filter(task ->
                        2.0 * task.steps() * operations(model, task.length()) * secondsPerOperation <= MOST_SECONDS)
                .reduce((shorter, longer) -> shorter.length() == longer.length() ? shorter : longer)
                .orElse(first);
    }

    /**
     * How deep the number is hidden.
     *
     * @param task a hidden-number task
     * @return share of the text before the first mention of its answer, 0 … 1; negative if it is not in the text
     */
    static double depth(Task task) {
        return task.user().indexOf(task.answer().getFirst())
                / (double) task.user().length();
    }

    /**
     * Floating-point operations of a dense step: 2 per weight and token, and 4 N² per feature of the queries and layer.
     */
    private static double operations(ModelInfo model, int tokens) {
        double weights = 2.0
                        * model.hiddenSize()
                        * (model.heads().queryColumns() + model.heads().keyValueColumns())
                + 3.0 * model.hiddenSize() * model.mlpSize();
        return model.layers()
                * (2 * weights * tokens + 4.0 * tokens * tokens * model.heads().queryColumns());
    }
}
