package dev.sparsed;

import java.util.concurrent.CancellationException;

/** A generation was stopped: by its listener, by an interrupt of its thread, or because the model was closed. */
public final class GenerationCancelledException extends CancellationException {

    private static final long serialVersionUID = 1L;

    /**
     * Creates it.
     *
     * @param message who stopped it
     */
    public GenerationCancelledException(String message) {
        super(message);
    }
}
