package dev.sparsed.bench.quality;

import org.jspecify.annotations.Nullable;

/** A tasks file is missing or malformed; the message names file, line and field, and what was expected. */
public final class TaskFileException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /**
     * Creates it.
     *
     * @param message file, line, cause
     * @param cause what was thrown underneath, if anything
     */
    public TaskFileException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
