package dev.sparsed.bench.cli;

import dev.sparsed.bench.DemoModel;
import dev.sparsed.bench.quality.Task;
import dev.sparsed.bench.quality.TaskFile;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where tasks come from. */
final class TaskFileOption {

    @Option(
            names = "--tasks",
            paramLabel = "FILE",
            description = "The tasks, one JSON object per line. Default: the demo model's.")
    private @Nullable Path file;

    /**
     * {@return all tasks}
     *
     * @throws dev.sparsed.bench.quality.TaskFileException if the file cannot be read
     */
    List<Task> tasks() {
        return file == null ? ofDemoModel() : TaskFile.read(file);
    }

    /** {@return the tasks that come along with the demo model} */
    static List<Task> ofDemoModel() {
        try (InputStream in = DemoModel.tasks()) {
            return TaskFile.read(in, "the demo model's tasks");
        } catch (IOException e) {
            throw new UncheckedIOException("the demo model's tasks cannot be read: " + e.getMessage(), e);
        }
    }

    /**
     * {@return one task}
     *
     * @param id its number in the file
     * @throws IllegalArgumentException if there is none of this number
     */
    Task task(int id) {
        return tasks().stream()
                .filter(task -> task.id() == id)
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("--task-id " + id + ": no task has this number"));
    }
}
