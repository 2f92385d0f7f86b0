package dev.sparsed.bench.cli;

import dev.sparsed.BackendUnavailableException;
import dev.sparsed.CheckpointException;
import dev.sparsed.DeviceMemoryException;
import dev.sparsed.GenerationCancelledException;
import dev.sparsed.NonFiniteLogitsException;
import dev.sparsed.bench.quality.TaskFileException;
import dev.sparsed.text.TextUnavailableException;
import java.io.UncheckedIOException;
import org.jspecify.annotations.Nullable;

/**
 * What a user is told of an exception.
 *
 * @param message one line
 * @param exitCode the process's
 */
record Failure(String message, int exitCode) {

    /** As shells count: 128 + SIGINT. */
    private static final int CANCELLED = 130;

    /**
     * Words an exception.
     *
     * @param problem what was thrown
     * @return what to tell
     */
    static Failure of(Throwable problem) {
        String text = problem.getMessage();
        return switch (problem) {
            case GenerationCancelledException e -> new Failure("cancelled", CANCELLED);
            case OutOfMemoryError e ->
                new Failure(
                        "out of memory (" + text
                                + "): give the JVM more (-Xmx), or prepare for less (--context-length)",
                        1);
            case CheckpointException e -> known(text);
            case BackendUnavailableException e -> known(text);
            case TextUnavailableException e -> known(text);
            case DeviceMemoryException e -> known(text);
            case NonFiniteLogitsException e -> known(text);
            case TaskFileException e -> known(text);
            case UncheckedIOException e -> known(text);
            case IllegalArgumentException e -> known(text); // InvalidRequestException among them
            default -> new Failure("internal error: " + oneLine(problem.toString()) + " (--stacktrace shows where)", 1);
        };
    }

    private static Failure known(@Nullable String message) {
        return new Failure(oneLine(message), 1);
    }

    private static String oneLine(@Nullable String message) {
        return message == null ? "unknown" : message.replaceAll("\\s*\\R\\s*", " ");
    }
}
