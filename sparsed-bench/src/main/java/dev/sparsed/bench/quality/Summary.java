package dev.sparsed.bench.quality;

import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * What came of several tasks. Means are NaN where there is nothing to average.
 *
 * @param tasks how many
 * @param solved how many were right
 * @param density mean share of key blocks kept
 * @param keptMass mean share of dense attention kept, of the tasks where it was measured
 * @param forwards mean number of forward passes
 * @param rows mean number of rows that went through the model
 * @param seconds mean time
 */
public record Summary(
        int tasks, int solved, double density, double keptMass, double forwards, double rows, double seconds) {

    /**
     * Sums up.
     *
     * @param outcomes any number
     * @return their summary
     */
    public static Summary of(List<TaskOutcome> outcomes) {
        return new Summary(
                outcomes.size(),
                (int) outcomes.stream().filter(TaskOutcome::solved).count(),
                mean(outcomes, TaskOutcome::density),
                mean(outcomes, TaskOutcome::keptMass),
                mean(outcomes, TaskOutcome::forwards),
                mean(outcomes, TaskOutcome::rowsForwarded),
                mean(outcomes, TaskOutcome::seconds));
    }

    /**
     * {@return the mean agreement of two settings' outcomes, task by task; NaN if no task has both}
     *
     * @param outcomes one setting's, in the order of the tasks
     * @param others the other's, in the same order; what one of them lacks at the end does not count
     */
    public static double agreement(List<TaskOutcome> outcomes, List<TaskOutcome> others) {
        int both = Math.min(outcomes.size(), others.size());
        double sum = 0;
        for (int i = 0; i < both; i++) {
            sum += outcomes.get(i).agreement(others.get(i));
        }
        return sum / both;
    }

    /** {@return the share of the tasks that were solved, 0 … 1} */
    public double exact() {
        return (double) solved / tasks;
    }

    private static double mean(List<TaskOutcome> outcomes, ToDoubleFunction<TaskOutcome> value) {
        return outcomes.stream()
                .mapToDouble(value)
                .filter(number -> !Double.isNaN(number))
                .average()
                .orElse(Double.NaN);
    }
}
