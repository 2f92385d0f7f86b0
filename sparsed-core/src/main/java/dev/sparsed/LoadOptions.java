package dev.sparsed;

import java.util.Objects;

/**
 * How to load a model.
 *
 * @param backend {@code "auto"} for the fastest backend that runs here, or the name of one to require: {@code "vector"},
 *     {@code "scalar"}, {@code "cuda"}
 * @param threads threads that work on one operation; 0 for as many as there are processors
 * @param contextLength the longest canvas (prompt and generation) to prepare for; 0 for what the checkpoint says
 */
public record LoadOptions(String backend, int threads, int contextLength) {

    /** The fastest backend, all processors, the checkpoint's context length. */
    public static final LoadOptions DEFAULT = new LoadOptions("auto", 0, 0);

    /** Checks the ranges. */
    public LoadOptions {
        Objects.requireNonNull(backend, "backend");
        if (threads < 0) {
            throw new IllegalArgumentException(
                    "threads = " + threads + ": must be at least 1, or 0 for all processors");
        }
        if (contextLength < 0) {
            throw new IllegalArgumentException(
                    "contextLength = " + contextLength + ": must be at least 1, or 0 for the checkpoint's");
        }
    }

    /**
     * Requires a backend.
     *
     * @param name its name, or {@code "auto"}
     * @return the changed options
     */
    public LoadOptions withBackend(String name) {
        return new LoadOptions(name, threads, contextLength);
    }

    /**
     * Sets the number of threads.
     *
     * @param count at least 1, or 0 for all processors
     * @return the changed options
     */
    public LoadOptions withThreads(int count) {
        return new LoadOptions(backend, count, contextLength);
    }

    /**
     * Prepares for another context length than the checkpoint says. Beyond the length a model was trained on, its answers get worse.
     *
     * @param tokens at least 1, or 0 for the checkpoint's
     * @return the changed options
     */
    public LoadOptions withContextLength(int tokens) {
        return new LoadOptions(backend, threads, tokens);
    }
}
