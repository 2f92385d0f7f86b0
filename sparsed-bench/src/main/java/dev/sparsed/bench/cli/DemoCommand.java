package dev.sparsed.bench.cli;

import dev.sparsed.bench.DemoModel;
import dev.sparsed.bench.quality.Task;
import dev.sparsed.bench.quality.TaskFile;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** Shows what the library does: a sudoku denoised cell by cell, then the same question answered with dense attention and with SparseD. */
@Command(
        name = "demo",
        sortOptions = false,
        abbreviateSynopsis = true,
        mixinStandardHelpOptions = true,
        description = "Solve a sudoku before your eyes, then find a number hidden in a long text, dense and with SparseD.")
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
        PrintWriter out = main.shell().out();
        List<Task> tasks = tasks();
        Task sudoku = sudoku(tasks);
        try (LoadedModel loaded = model.load()) {
            introduce(loaded, out);
            Stage stage = new Stage(main.shell(), view, main.interruption(), loaded.model());
            double secondsPerStep = new SudokuDemo(stage, sudoku).run();
            out.println();
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

    private static List<Task> tasks() {
        try (InputStream in = DemoModel.tasks()) {
            return TaskFile.read(in, "the demo model's tasks");
        } catch (IOException e) {
            throw new UncheckedIOException("the demo model's tasks cannot be read: " + e.getMessage(), e);
        }
    }

    private void introduce(LoadedModel loaded, PrintWriter out) {
        var backend = loaded.model().backend();
        out.println("SparseD for Java. " + (loaded.demo() == null ? loaded.folder() : "The demo model") + ": "
                + Texts.count(WeightSummary.of(loaded.folder()).parameters()) + " parameters, on the backend " + backend.name()
                + " (" + backend.device() + "), " + backend.threads() + (backend.threads() == 1 ? " thread." : " threads."));
        String faster = BackendReport.all().stream()
                .takeWhile(report -> !report.name().equals(backend.name()))
                .filter(report -> !report.available() && !report.name().equals("cuda")) // most machines have none
                .map(report -> report.name() + ": " + report.obstacle())
                .collect(Collectors.joining("; "));
        if (backend.name().equals("scalar")) {
            out.println("The scalar backend is the specification, not the fast one: all of this takes many times as long as it should."
                    + (faster.isEmpty() ? "" : " " + faster));
        }
        out.println();
        out.flush();
    }
}
