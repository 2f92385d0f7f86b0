package dev.sparsed.bench.cli;

import dev.sparsed.BackendInfo;
import dev.sparsed.bench.quality.Task;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/**
 * Shows what the library does: a sudoku denoised cell by cell, then the same question answered with dense attention and
 * with SparseD.
 */
@Command(
        name = "demo",
        sortOptions = false,
        abbreviateSynopsis = true,
        mixinStandardHelpOptions = true,
        description =
                "Solve a sudoku before your eyes, then find a number hidden in a long text, dense and with SparseD.")
final class DemoCommand implements Callable<Integer> {

    @ParentCommand
    private @Nullable Main main;

    @Option(
            names = "--puzzle",
            paramLabel = "N",
            defaultValue = "1",
            description = "Which of the sudokus that come along, from 1. Default: ${DEFAULT-VALUE}.")
    private int puzzle;

    @Mixin
    private ModelOptions model = new ModelOptions();

    @Mixin
    private ViewOptions view = new ViewOptions();

    @Override
    public Integer call() {
        List<Task> tasks = TaskFileOption.ofDemoModel();
        Task sudoku = sudoku(tasks);
        try (LoadedModel loaded = model.load()) {
            Stage stage = new Stage(main.shell(), view, main.interruption(), loaded.model());
            introduce(stage, loaded);
            double secondsPerStep = new SudokuDemo(stage, sudoku).run();
            stage.say("");
            int tokens = sudoku.length();
            new NeedleDemo(stage, NeedleChoice.of(tasks, loaded.model().info(), tokens, secondsPerStep)).run();
        }
        return 0;
    }

    private Task sudoku(List<Task> tasks) {
        List<Task> sudokus =
                tasks.stream().filter(task -> task.name().equals("sudoku")).toList();
        if (puzzle < 1 || puzzle > sudokus.size()) {
            throw new IllegalArgumentException("--puzzle = " + puzzle + ": must be 1 ... " + sudokus.size());
        }
        return sudokus.get(puzzle - 1);
    }

    private static void introduce(Stage stage, LoadedModel loaded) {
        BackendInfo backend = loaded.model().backend();
        stage.tell("SparseD for Java. " + (loaded.demo() == null ? loaded.folder() : "The demo model") + ": "
                + Texts.count(WeightSummary.of(loaded.folder()).parameters()) + " parameters, on the backend "
                + backend.name()
                + " (" + backend.device() + "), " + backend.threads()
                + (backend.threads() == 1 ? " thread." : " threads."));
        if (backend.name().equals("scalar")) {
            stage.tell(
                    "The scalar backend is the specification, not the fast one: all of this takes many times as long as it"
                            + " should."
                            + BackendReport.all().stream()
                                    .filter(report -> report.name().equals("vector"))
                                    .map(report -> report.available()
                                            ? " The backend vector is available."
                                            : " The backend vector is not available: " + report.obstacle())
                                    .collect(Collectors.joining()));
        }
        stage.say("");
    }
}
