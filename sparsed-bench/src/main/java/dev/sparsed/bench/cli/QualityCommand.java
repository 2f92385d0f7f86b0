package dev.sparsed.bench.cli;

import dev.sparsed.GenerationCancelledException;
import dev.sparsed.bench.DemoModel;
import dev.sparsed.bench.quality.ComparisonTable;
import dev.sparsed.bench.quality.OutcomeLog;
import dev.sparsed.bench.quality.QualityRun;
import dev.sparsed.bench.quality.QualityTable;
import dev.sparsed.bench.quality.Setting;
import dev.sparsed.bench.quality.Task;
import dev.sparsed.bench.quality.TaskFile;
import dev.sparsed.bench.quality.TaskOutcome;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** Puts tasks with known answers to a model and counts what it solves. */
@Command(
        name = "quality",
        sortOptions = false,
        abbreviateSynopsis = true,
        mixinStandardHelpOptions = true,
        description = "Solve tasks with known answers, and count.",
        footer = {
            "",
            "Example: sparsed quality --max-length 2048 --policy sparsed --skip 0.2 --select 0.3 --block-size 32",
            "Example: sparsed quality --max-length 1024 --limit 2 --compare --block-length 8 --policies dense",
            "",
            "The table comes on standard output, a line per task on standard error."
        })
final class QualityCommand implements Callable<Integer> {

    @ParentCommand
    private @Nullable Main main;

    @Option(
            names = "--tasks",
            paramLabel = "FILE",
            description = "The tasks, one JSON object per line. Default: the demo model's.")
    private @Nullable Path file;

    @Option(
            names = "--task",
            paramLabel = "NAME",
            split = ",",
            arity = "1..*",
            description = "Only tasks of these names.")
    private List<String> names = List.of();

    @Option(names = "--max-length", paramLabel = "N", description = "Only tasks of at most this length in tokens.")
    private int maxLength = Integer.MAX_VALUE;

    @Option(names = "--limit", paramLabel = "N", description = "At most so many tasks of each name and length.")
    private int limit = Integer.MAX_VALUE;

    @Option(names = "--block-length", paramLabel = "N", description = "Tokens per block instead of what the tasks say.")
    private @Nullable Integer blockLength;

    @Option(
            names = "--out",
            paramLabel = "FILE",
            description = "Append every outcome as a line of JSON; what the file holds already is not computed again.")
    private @Nullable Path out;

    @Mixin
    private SamplingOptions sampling = new SamplingOptions();

    @Mixin
    private ComparisonOptions comparison = new ComparisonOptions();

    @Mixin
    private ModelOptions model = new ModelOptions();

    @Override
    public Integer call() {
        List<Task> tasks = selected();
        List<Setting> settings = comparison.isGiven() ? comparison.settings(sampling) : List.of();
        try (LoadedModel loaded = model.load();
                OutcomeLog log = out == null ? null : OutcomeLog.open(out)) {
            if (settings.isEmpty()) {
                count(tasks, run(loaded, sampling::apply), log);
            } else {
                compare(tasks, settings, loaded, log);
            }
        }
        return 0;
    }

    /** The task's outcome, from the log if it has it. */
    private TaskOutcome solve(Task task, QualityRun run, @Nullable OutcomeLog log) {
        if (log == null) {
            return run.run(task);
        }
        String setting = run.model().info() + ", " + ChatOptions.described(QualityRun.request(task, run.settings()));
        return log.find(setting, task).orElseGet(() -> {
            TaskOutcome outcome = run.run(task);
            log.add(setting, outcome);
            return outcome;
        });
    }

    /** The settings take turns, task by task, so that a machine that is slow for a while is so for all of them. */
    private void compare(List<Task> tasks, List<Setting> settings, LoadedModel loaded, @Nullable OutcomeLog log) {
        Map<Setting, List<TaskOutcome>> outcomes = new LinkedHashMap<>();
        try {
            run(loaded, settings.getFirst().settings()).run(tasks.getLast()); // so that no setting pays for compiling
            for (int i = 0; i < tasks.size(); i++) {
                for (Setting setting : settings) {
                    TaskOutcome outcome = solve(tasks.get(i), run(loaded, setting.settings()), log);
                    outcomes.computeIfAbsent(setting, key -> new ArrayList<>()).add(outcome);
                    main.shell()
                            .err()
                            .println(setting.cache() + " " + setting.rule() + " " + setting.policy() + " "
                                    + progress(outcome, i + 1, tasks.size()));
                }
            }
        } finally {
            if (!outcomes.isEmpty()) { // also of a comparison that is cancelled: what was solved until then
                print(ComparisonTable.head());
            }
            outcomes.forEach((setting, solved) -> print(ComparisonTable.row(setting, solved)));
        }
    }

    private QualityRun run(LoadedModel loaded, QualityRun.Settings settings) {
        QualityRun.Settings inBlocks = request -> {
            settings.apply(request);
            if (blockLength != null) {
                request.blockLength(blockLength);
            }
        };
        return new QualityRun(loaded.model(), inBlocks, main.interruption().listener());
    }

    private List<Task> selected() {
        List<Task> all = tasks();
        TreeSet<String> known = new TreeSet<>(all.stream().map(Task::name).toList());
        for (String name : names) {
            if (!known.contains(name)) {
                throw new IllegalArgumentException("--task " + name + ": there are " + String.join(", ", known));
            }
        }
        Map<String, Integer> taken = new HashMap<>();
        List<Task> selected = all.stream()
                .filter(task -> names.isEmpty() || names.contains(task.name()))
                .filter(task -> task.length() <= maxLength)
                .filter(task -> taken.merge(task.name() + "@" + task.length(), 1, Integer::sum) <= limit)
                .toList();
        if (selected.isEmpty()) {
            throw new IllegalArgumentException(
                    "no task is left: --task, --max-length and --limit exclude all " + all.size());
        }
        return selected;
    }

    private List<Task> tasks() {
        if (file != null) {
            return TaskFile.read(file);
        }
        try (InputStream in = DemoModel.tasks()) {
            return TaskFile.read(in, "the demo model's tasks");
        } catch (IOException e) {
            throw new UncheckedIOException("the demo model's tasks cannot be read: " + e.getMessage(), e);
        }
    }

    private void count(List<Task> tasks, QualityRun run, @Nullable OutcomeLog log) {
        List<TaskOutcome> outcomes = new ArrayList<>();
        try {
            for (Task task : tasks) {
                TaskOutcome outcome = solve(task, run, log);
                outcomes.add(outcome);
                main.shell().err().println(progress(outcome, outcomes.size(), tasks.size()));
            }
        } catch (GenerationCancelledException e) {
            if (!outcomes.isEmpty()) {
                print(outcomes); // what was solved until then is worth as much
            }
            throw e;
        }
        print(outcomes);
    }

    private void print(List<TaskOutcome> outcomes) {
        QualityTable.lines(outcomes).forEach(this::print);
    }

    private void print(String line) {
        main.shell().out().println(line);
        main.shell().out().flush();
    }

    private static String progress(TaskOutcome outcome, int done, int all) {
        Task task = outcome.task();
        return String.format(
                Locale.ROOT,
                "[%d/%d] %s %d: %s (%.1f s)",
                done,
                all,
                task.name(),
                task.length(),
                outcome.solved()
                        ? "solved"
                        : "wrong, \"" + Texts.printable(outcome.answer()).strip() + "\" for \"" + task.expected()
                                + "\"",
                outcome.seconds());
    }
}
