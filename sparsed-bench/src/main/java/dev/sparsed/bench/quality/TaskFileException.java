package dev.sparsed.bench.quality;

/** A tasks file is missing or malformed; the message names file, line and field, and what was expected. */
public final class TaskFileException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /**
     * Creates it.
     *
     * @param message file, line, cause
     * @param cause what was thrown underneath
     */
    public TaskFileException(String message, Throwable cause) {
        super(message, cause);
    }
}
