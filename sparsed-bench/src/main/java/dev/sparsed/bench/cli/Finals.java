package dev.sparsed.bench.cli;

import dev.sparsed.bench.Median;
import dev.sparsed.bench.quality.Candidate;
import dev.sparsed.bench.quality.Setting;
import dev.sparsed.bench.quality.Task;
import dev.sparsed.bench.quality.Trial;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * Times settings in turns with dense attention, task by task, so that a machine that is slow for a while is so for all of them. A search takes too long
 * for that.
 *
 * @param solver runs them, and knows of no log: what it says of time is what is doubted
 * @param tasks at least one
 * @param dense dense attention
 */
record Finals(Solver solver, List<Task> tasks, Setting dense) {

    /**
     * {@return by trial, how many times as fast as dense attention it is, the median over the tasks}
     *
     * @param trials the finalists
     * @param setting how to generate with a candidate
     */
    Map<Trial, Double> speedUps(List<Trial> trials, Function<Candidate, Setting> setting) {
        Map<Trial, List<Double>> ratios = new LinkedHashMap<>();
        for (Task task : tasks) {
            double seconds = solver.solve(task, dense).seconds();
            for (Trial trial : trials) {
                double own =
                        solver.solve(task, setting.apply(trial.candidate())).seconds();
                ratios.computeIfAbsent(trial, none -> new ArrayList<>()).add(seconds / own);
            }
        }
        Map<Trial, Double> medians = new LinkedHashMap<>();
        ratios.forEach((trial, all) -> medians.put(trial, Median.of(all)));
        return medians;
    }
}
