package dev.sparsed.bench.cli;

import dev.sparsed.bench.quality.OutcomeLog;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Where outcomes of tasks are kept. */
final class OutcomeLogOption {

    @Option(
            names = "--out",
            paramLabel = "FILE",
            description = "Append every outcome as a line of JSON; what the file holds already is not computed again.")
    private @Nullable Path file;

    /**
     * {@return the file, which the caller closes; null if outcomes are not kept}
     *
     * @throws dev.sparsed.bench.quality.TaskFileException if it cannot be opened or read
     */
    @Nullable
    OutcomeLog open() {
        return file == null ? null : OutcomeLog.open(file);
    }
}
