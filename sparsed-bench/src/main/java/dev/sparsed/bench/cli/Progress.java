package dev.sparsed.bench.cli;

import dev.sparsed.bench.quality.Setting;
import dev.sparsed.bench.quality.Task;
import dev.sparsed.bench.quality.TaskOutcome;
import java.util.Locale;

/** Words how far a run over tasks is. */
final class Progress {

    private final int all;
    private final boolean named;
    private int done;
    private double seconds;

    /**
     * Starts at nothing.
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
        seconds += outcome.seconds();
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

    /** By what the outcomes took that there are; those that a log knew took no time now, but those that are left will. */
    private String left() {
        double left = seconds / done * (all - done);
        return left < 120 ? Math.round(left) + " s left" : Math.round(left / 60) + " min left";
    }
}
