package dev.sparsed.bench.cli;

import dev.sparsed.bench.quality.NeedleTasks;
import dev.sparsed.bench.quality.NeedleTasks.Family;
import dev.sparsed.bench.quality.SudokuTasks;
import dev.sparsed.bench.quality.Task;
import dev.sparsed.bench.quality.TaskFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** Makes tasks for {@link QualityCommand}. */
@Command(
        name = "tasks",
        sortOptions = false,
        abbreviateSynopsis = true,
        mixinStandardHelpOptions = true,
        description = "Make needle tasks of any length, as RULER's, for a model's tokenizer and chat template.",
        footer = {
            "",
            "Example: sparsed tasks --model LLaDA-8B-Instruct --lengths 4096,16384 --count 20 > tasks.jsonl",
            "         sparsed quality --model LLaDA-8B-Instruct --tasks tasks.jsonl --policy sparsed --preset long",
            "",
            "The tasks come on standard output, one JSON object per line."
        })
final class TasksCommand implements Callable<Integer> {

    @ParentCommand
    private @Nullable Main main;

    @Option(
            names = "--families",
            paramLabel = "NAME",
            split = ",",
            description =
                    "niah_single, niah_multikey, niah_multivalue, niah_multiquery, variable_tracking. Default: all.")
    private List<Family> families = List.of(Family.values());

    @Option(
            names = "--lengths",
            paramLabel = "N",
            split = ",",
            defaultValue = "1024,2048,4096",
            description = "Tokens of prompt and generation. Default: ${DEFAULT-VALUE}.")
    private int[] lengths = {};

    @Option(
            names = "--count",
            paramLabel = "N",
            defaultValue = "12",
            description = "Tasks of each family and length. Default: ${DEFAULT-VALUE}.")
    private int count;

    @Option(
            names = "--sudokus",
            paramLabel = "N",
            defaultValue = "0",
            description = "So many sudokus as well, which the demo model can solve. Default: none.")
    private int sudokus;

    @Option(
            names = "--seed",
            paramLabel = "N",
            defaultValue = "0",
            description = "The same seed gives the same tasks. Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Option(
            names = "--filler",
            paramLabel = "FILE",
            description = "The text to hide the needles in, UTF-8. Default: RULER's \"The grass is green. ...\"")
    private @Nullable Path filler;

    @Mixin
    private ModelOptions model = new ModelOptions();

    @Override
    public Integer call() throws IOException {
        String text = filler == null ? NeedleTasks.NOISE : Files.readString(filler, StandardCharsets.UTF_8);
        try (LoadedModel loaded = model.load()) {
            NeedleTasks tasks = NeedleTasks.of(loaded.model(), text);
            int id = 0;
            for (int length : Arrays.stream(lengths).sorted().toArray()) {
                for (Family family : families) {
                    for (int i = 0; i < count; i++, id++) {
                        print(tasks.task(id, family, length, seedOf(id)));
                    }
                }
            }
            for (int i = 0; i < sudokus; i++, id++) {
                print(SudokuTasks.task(id, seedOf(id)));
            }
        }
        main.shell().out().flush();
        return 0;
    }

    /** A multiplier spreads the seeds of neighbouring calls. */
    private long seedOf(int id) {
        return seed * 1_000_003 + id;
    }

    private void print(Task task) {
        main.shell().out().println(TaskFile.line(task));
    }
}
