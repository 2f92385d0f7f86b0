package dev.sparsed;

/**
 * Follows a generation. Called on the thread that generates, between steps; what it throws ends the generation and
 * reaches the caller.
 */
@FunctionalInterface
public interface GenerationListener {

    /** Hears nothing, cancels nothing. */
    GenerationListener NONE = event -> {};

    /**
     * The canvas before the first step.
     *
     * @param canvas prompt and mask tokens; a copy
     * @param promptLength how many of them are the prompt
     */
    default void onStart(int[] canvas, int promptLength) {}

    /**
     * A step is done.
     *
     * @param event what it committed
     */
    void onStep(StepEvent event);

    /**
     * Asked often (before every layer of every step): whether to stop. Interrupting the generating thread stops it,
     * too.
     *
     * @return true to end the generation with a {@link GenerationCancelledException}
     */
    default boolean isCancelled() {
        return false;
    }
}
