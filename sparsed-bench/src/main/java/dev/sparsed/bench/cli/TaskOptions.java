package dev.sparsed.bench.cli;

import dev.sparsed.bench.quality.Task;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Which tasks. */
final class TaskOptions {

    @Mixin
    private TaskFileOption file = new TaskFileOption();

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

    /**
     * {@return the tasks that are wanted, at least one}
     *
     * @throws IllegalArgumentException if none is left
     * @throws dev.sparsed.bench.quality.TaskFileException if the file cannot be read
     */
    List<Task> selected() {
        List<Task> all = file.tasks();
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
}
