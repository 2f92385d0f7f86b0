package dev.sparsed.bench.cli;

import dev.sparsed.bench.quality.Setting;
import dev.sparsed.bench.quality.Task;
import dev.sparsed.bench.quality.TaskOutcome;
import java.time.Duration;
import java.util.Locale;

/** Words how far a run over tasks is. */
final class Progress {

    private final int all;
    private final boolean named;
    private final long start = System.nanoTime();
    private int done;

    /**
     * Starts the clock.
     *
     * @param all how many outcomes there will be
     * @param named whether to tell the settings apart
     */
    Progress(int all, boolean named) {
        this.all = all;
        this.named = named;
    }

    /**
     * Counts an outcome.
     *
     * @param setting how it was generated
     * @param outcome what came of it
     * @return such as {@code [3/24] none fixed dense add 64: solved (0.2 s; 5 s left)}
     */
    String line(Setting setting, TaskOutcome outcome) {
        done++;
        Task task = outcome.task();
        return String.format(
                Locale.ROOT,
                "[%d/%d] %s%s %d: %s (%.1f s%s)",
                done,
                all,
                named ? setting.cache() + " " + setting.rule() + " " + setting.policy() + " " : "",
                task.name(),
                task.length(),
                outcome.solved()
                        ? "solved"
                        : "wrong, \"" + Texts.printable(outcome.answer()).strip() + "\" for \"" + task.expected()
                                + "\"",
                outcome.seconds(),
                done == all ? "" : "; " + left());
    }

    /** By what the outcomes took so far, those that a log knew included. */
    private String left() {
        Duration left = Duration.ofNanos((System.nanoTime() - start) / done * (all - done));
        return left.toMinutes() < 2 ? left.toSeconds() + " s left" : left.toMinutes() + " min left";
    }
}
