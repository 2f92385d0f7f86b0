package dev.sparsed;

/** A required backend cannot run here; the message says why and what to do. */
public final class BackendUnavailableException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /**
     * Creates it.
     *
     * @param message which backend, why not, and the remedy
     */
    public BackendUnavailableException(String message) {
        super(message);
    }
}
