package dev.sparsed;

/**
 * A checkpoint folder or one of its files is missing, malformed, or not what the model needs. The message names the
 * file, where it applies the tensor or field, and what was expected and found.
 */
public final class CheckpointException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /**
     * Creates it.
     *
     * @param message file, place, expected and found
     */
    public CheckpointException(String message) {
        super(message);
    }

    /**
     * Creates it with a cause.
     *
     * @param message file, place, expected and found
     * @param cause what was thrown underneath
     */
    public CheckpointException(String message, Throwable cause) {
        super(message, cause);
    }
}
