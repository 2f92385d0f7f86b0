package dev.sparsed.bench.cli;

import dev.sparsed.GenerationListener;
import dev.sparsed.bench.quality.ComparisonTable;
import dev.sparsed.bench.quality.OutcomeLog;
import dev.sparsed.bench.quality.QualityTable;
import dev.sparsed.bench.quality.Setting;
import dev.sparsed.bench.quality.Task;
import dev.sparsed.bench.quality.TaskOutcome;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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
            "Example: sparsed quality --max-length 1024 --policies dense,sparsed:select=0.3,sparsed:select=0.5 --kept-mass",
            "Example: sparsed quality --max-length 1024 --limit 2 --compare --block-length 8 --policies dense",
            "",
            "The table comes on standard output, a line per task on standard error."
        })
final class QualityCommand implements Callable<Integer> {

    @ParentCommand
    private @Nullable Main main;

    @Mixin
    private TaskOptions tasks = new TaskOptions();

    @Option(names = "--block-length", paramLabel = "N", description = "Tokens per block instead of what the tasks say.")
    private @Nullable Integer blockLength;

    @Mixin
    private OutcomeLogOption out = new OutcomeLogOption();

    @Option(
            names = "--kept-mass",
            description = "Also measure which share of the dense attention the patterns keep; takes time.")
    private boolean keptMass;

    @Mixin
    private SamplingOptions sampling = new SamplingOptions();

    @Mixin
    private ComparisonOptions comparison = new ComparisonOptions();

    @Mixin
    private ModelOptions model = new ModelOptions();

    @Override
    public Integer call() {
        List<Task> selected = inBlocks(tasks.selected());
        List<Setting> settings = comparison.settings(sampling, keptMass);
        Map<Setting, List<TaskOutcome>> outcomes = new LinkedHashMap<>();
        settings.forEach(setting -> outcomes.put(setting, new ArrayList<>()));
        try (LoadedModel loaded = model.load();
                OutcomeLog log = out.open()) {
            GenerationListener listener = main.interruption().listener();
            if (comparison.isGiven()) { // so that no setting pays for compiling
                new Solver(loaded.model(), listener, null).solve(selected.getLast(), settings.getFirst());
            }
            solve(selected, outcomes, new Solver(loaded.model(), listener, log));
        } finally { // also of a run that is cancelled: what was solved until then
            if (!outcomes.get(settings.getFirst()).isEmpty()) {
                print(outcomes);
            }
        }
        return 0;
    }

    /** The settings take turns, task by task, so that a machine that is slow for a while is so for all of them. */
    private void solve(List<Task> selected, Map<Setting, List<TaskOutcome>> outcomes, Solver solver) {
        Progress progress = new Progress(selected.size() * outcomes.size(), comparison.isGiven());
        for (Task task : selected) {
            outcomes.forEach((setting, solved) -> {
                TaskOutcome outcome = solver.solve(task, setting);
                solved.add(outcome);
                main.shell().err().println(progress.line(setting, outcome));
            });
        }
    }

    private List<Task> inBlocks(List<Task> selected) {
        Integer length = blockLength;
        return length == null
                ? selected
                : selected.stream().map(task -> task.withBlockLength(length)).toList();
    }

    private void print(Map<Setting, List<TaskOutcome>> outcomes) {
        if (comparison.isGiven()) {
            ComparisonTable.settings(outcomes).forEach(this::print);
            print("");
            ComparisonTable.kinds(outcomes).forEach(this::print);
        } else {
            outcomes.values().forEach(solved -> QualityTable.lines(solved).forEach(this::print));
        }
    }

    private void print(String line) {
        main.shell().print(line);
    }
}
