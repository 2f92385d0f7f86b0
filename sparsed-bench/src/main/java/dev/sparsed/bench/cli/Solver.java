package dev.sparsed.bench.cli;

import dev.sparsed.DiffusionModel;
import dev.sparsed.GenerationListener;
import dev.sparsed.bench.quality.OutcomeLog;
import dev.sparsed.bench.quality.QualityRun;
import dev.sparsed.bench.quality.Setting;
import dev.sparsed.bench.quality.Task;
import dev.sparsed.bench.quality.TaskOutcome;
import org.jspecify.annotations.Nullable;

/**
 * Solves tasks, unless a log knows what came of them.
 *
 * @param model the model; not closed here
 * @param listener hears of every step, and may cancel
 * @param log what is known, and where the rest is written; null for none
 */
record Solver(
        DiffusionModel model,
        GenerationListener listener,
        @Nullable OutcomeLog log) {

    /**
     * Solves a task.
     *
     * @param task the task
     * @param setting how to generate
     * @return what came of it
     */
    TaskOutcome solve(Task task, Setting setting) {
        QualityRun run = new QualityRun(model, setting.settings(), listener);
        if (log == null) {
            return run.run(task);
        }
        String described = model.info() + ", " + ChatOptions.described(QualityRun.request(task, setting.settings()));
        return log.find(described, task).orElseGet(() -> {
            TaskOutcome outcome = run.run(task);
            log.add(described, setting, outcome);
            return outcome;
        });
    }
}
