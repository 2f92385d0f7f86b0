package dev.sparsed.bench.cli;

import dev.sparsed.DiffusionModel;
import dev.sparsed.GenerationCancelledException;
import dev.sparsed.GenerationRequest;
import dev.sparsed.attention.AttentionPolicy;
import dev.sparsed.bench.quality.AnswerMode;
import dev.sparsed.bench.quality.Candidate;
import dev.sparsed.bench.quality.OutcomeLog;
import dev.sparsed.bench.quality.QualityRun;
import dev.sparsed.bench.quality.Setting;
import dev.sparsed.bench.quality.SettingSearch;
import dev.sparsed.bench.quality.Task;
import dev.sparsed.bench.quality.TaskOutcome;
import dev.sparsed.bench.quality.Trial;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** Finds the fastest setting that still says what dense attention says. */
@Command(
        name = "tune",
        sortOptions = false,
        abbreviateSynopsis = true,
        mixinStandardHelpOptions = true,
        description = "Search for the fastest setting of SparseD that agrees with dense attention on your prompts.",
        footer = {
            "",
            "Example: sparsed tune -m LLaDA-8B-Instruct -p \"Name a river.\" -p \"Why is the sky blue?\" --gen-length 64",
            "Example: sparsed tune --max-length 1024 --limit 1 --agreement 0.98 --out tune.jsonl",
            "",
            "What was tried comes on standard output, and the line to paste after it; sparsed report draws the --out file."
        })
final class TuneCommand implements Callable<Integer> {

    @ParentCommand
    private @Nullable Main main;

    @Option(
            names = "--agreement",
            paramLabel = "SHARE",
            defaultValue = "0.99",
            description =
                    "The least share of tokens that have to be dense attention's, 0 ... 1. Default: ${DEFAULT-VALUE}.")
    private double bound;

    @Option(
            names = {"-p", "--prompt"},
            paramLabel = "TEXT",
            description = "A prompt; may be given several times. Default: tasks.")
    private List<String> prompts = List.of();

    @Mixin
    private LengthOptions length = new LengthOptions();

    @Mixin
    private TaskOptions tasks = new TaskOptions();

    @Option(
            names = "--skips",
            paramLabel = "SHARE",
            split = ",",
            defaultValue = "0.1,0.2,0.4",
            description = "Shares of steps that stay dense. Default: ${DEFAULT-VALUE}.")
    private List<Double> skips = List.of();

    @Option(
            names = "--selects",
            paramLabel = "SHARE",
            split = ",",
            defaultValue = "0.1,0.2,0.3,0.4,0.5,0.7",
            description = "Shares of blocks to keep. Default: ${DEFAULT-VALUE}.")
    private List<Double> selects = List.of();

    @Option(
            names = "--coverages",
            paramLabel = "SHARE",
            split = ",",
            defaultValue = "0.8,0.9,0.95,0.98,0.99",
            description = "Shares of attention to keep. Default: ${DEFAULT-VALUE}.")
    private List<Double> coverages = List.of();

    @Option(
            names = "--block-sizes",
            paramLabel = "N",
            split = ",",
            defaultValue = "32,64,128",
            description = "Positions per block. Default: ${DEFAULT-VALUE}.")
    private List<Integer> blockSizes = List.of();

    @Option(
            names = "--finalists",
            paramLabel = "N",
            defaultValue = "3",
            description = "Time the fastest N that agree enough once more, in turns with dense attention; 0 for none."
                    + " Default: ${DEFAULT-VALUE}.")
    private int finalists;

    @Mixin
    private OutcomeLogOption out = new OutcomeLogOption();

    @Mixin
    private SamplingOptions sampling = new SamplingOptions();

    @Mixin
    private ModelOptions model = new ModelOptions();

    @Override
    public Integer call() {
        if (!sampling.policy().spec().equals("dense")) {
            throw new IllegalArgumentException("--policy " + sampling.policy().spec()
                    + ": tune chooses the policy; --skips, --selects, --coverages and --block-sizes say among which");
        }
        SettingSearch.Grid grid = new SettingSearch.Grid(skips, selects, coverages, blockSizes);
        List<Task> asked = prompts.isEmpty() ? tasks.selected() : List.of();
        try (LoadedModel loaded = model.load();
                OutcomeLog log = out.open()) {
            Solver solver = new Solver(loaded.model(), main.interruption().listener(), log);
            List<Task> selected = prompts.isEmpty() ? asked : ofPrompts(loaded.model());
            solver.model()
                    .generate(
                            QualityRun.request(selected.getLast(), dense().settings()), solver.listener()); // compiles
            List<TaskOutcome> dense = new ArrayList<>();
            for (Task task : selected) {
                dense.add(solver.solve(task, dense()));
                progress("dense", dense.getLast(), dense.size(), selected.size(), 1);
            }
            SettingSearch search =
                    new SettingSearch(bound, grid, candidate -> attempt(candidate, selected, dense, solver));
            search(search);
            advise(search, new Finals(new Solver(solver.model(), solver.listener(), null), selected, dense()));
        }
        return 0;
    }

    private void search(SettingSearch search) {
        try {
            search.run();
        } catch (GenerationCancelledException e) {
            if (!search.trials().isEmpty()) {
                search.table(prompts.isEmpty()).forEach(this::print); // what was tried until then is worth as much
            }
            throw e;
        }
        search.table(prompts.isEmpty()).forEach(this::print);
        print("* the fastest that agrees enough, + on the trade-off curve, < given up;"
                + " speed-up against the dense runs at the start");
        print("");
    }

    private void advise(SettingSearch search, Finals finals) {
        Map<Trial, Double> speedUps = new LinkedHashMap<>();
        search.fastest().ifPresent(trial -> speedUps.put(trial, trial.speedUp()));
        if (finalists > 0 && !speedUps.isEmpty()) {
            speedUps.clear();
            speedUps.putAll(finals.speedUps(
                    search.fastest(finalists), candidate -> setting(candidate.spec(), candidate.policy())));
            print("Timed again, in turns with dense attention; times as fast, median over the tasks:");
            speedUps.forEach((trial, speedUp) -> print(String.format(
                    Locale.ROOT, "%5.2f  %s", speedUp, trial.candidate().spec())));
            print("");
        }
        Optional<Trial> best = speedUps.keySet().stream().max(Comparator.comparing(speedUps::get));
        String share = Texts.percent(bound);
        if (best.isEmpty()) {
            print("Nothing that was tried has " + share + " of dense attention's tokens: stay with it.");
        } else if (speedUps.get(best.get()) <= 1) {
            print("What has " + share + " of dense attention's tokens is not faster: stay with it.");
        } else {
            Candidate candidate = best.get().candidate();
            print(String.format(
                    Locale.ROOT,
                    "%.2f times as fast as dense attention, with %s of its tokens:",
                    speedUps.get(best.get()),
                    Texts.percent(best.get().agreement())));
            print("");
            print("    .policy(" + candidate.java() + ")");
            print("    " + candidate.options());
        }
    }

    /** Gives up when the tasks that are left cannot bring the mean up to the bound any more. */
    private Trial attempt(Candidate candidate, List<Task> selected, List<TaskOutcome> dense, Solver solver) {
        Setting setting = setting(candidate.spec(), candidate.policy());
        List<TaskOutcome> outcomes = new ArrayList<>();
        Trial trial;
        do {
            TaskOutcome outcome = solver.solve(selected.get(outcomes.size()), setting);
            double agreement = outcome.agreement(dense.get(outcomes.size()));
            outcomes.add(outcome);
            progress(candidate.spec(), outcome, outcomes.size(), selected.size(), agreement);
            trial = new Trial(candidate, outcomes, dense);
        } while (!trial.isComplete() && trial.agreement() >= bound);
        return trial;
    }

    private Setting dense() {
        return setting("dense", AttentionPolicy.dense());
    }

    private Setting setting(String name, AttentionPolicy policy) {
        return new Setting(sampling.cache().name().toLowerCase(Locale.ROOT), sampling.rule(), name, request -> {
            length.apply(request); // instead of what the tasks say
            sampling.apply(request, policy);
        });
    }

    /** As tasks, with answers that nobody knows. */
    private List<Task> ofPrompts(DiffusionModel loaded) {
        List<Task> asked = new ArrayList<>();
        for (String prompt : prompts) {
            GenerationRequest.Builder builder = GenerationRequest.builder().user(prompt);
            length.apply(builder);
            GenerationRequest request = builder.build();
            int tokens = loaded.tokenizer().encode(loaded.chatTemplate().render(request.messages(), true)).length;
            asked.add(new Task(
                    asked.size(),
                    "prompt",
                    tokens + request.genLength(),
                    prompt,
                    "",
                    request.genLength(),
                    request.blockLength(),
                    request.steps(),
                    AnswerMode.EXACT,
                    List.of("")));
        }
        return asked;
    }

    private void progress(String setting, TaskOutcome outcome, int done, int all, double agreement) {
        main.shell()
                .err()
                .println(String.format(
                        Locale.ROOT,
                        "%s [%d/%d] %s %d: agrees %s (%.1f s)",
                        setting,
                        done,
                        all,
                        outcome.task().name(),
                        outcome.task().length(),
                        Texts.percent(agreement),
                        outcome.seconds()));
    }

    private void print(String line) {
        main.shell().print(line);
    }
}
