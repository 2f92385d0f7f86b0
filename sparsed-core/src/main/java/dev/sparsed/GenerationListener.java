package dev.sparsed;

/**
 * Follows a generation. Called on the thread that generates, between steps; what it throws ends the generation and
 * reaches the caller. One that shows the text as it comes about, and stops after ten seconds:
 *
 * {@snippet :
 * long begin = System.nanoTime();
 * GenerationListener listener = new GenerationListener() {
 *     private int[] canvas = {};
 *     private int promptLength;
 *
 *     @Override
 *     public void onStart(int[] tokens, int prompt) {
 *         canvas = tokens;
 *         promptLength = prompt;
 *     }
 *
 *     @Override
 *     public void onStep(StepEvent event) {
 *         event.commits().forEach(commit -> canvas[commit.position()] = commit.token());
 *         System.out.println(model.tokenizer().text(Arrays.copyOfRange(canvas, promptLength, canvas.length)));
 *     }
 *
 *     @Override
 *     public boolean isCancelled() {
 *         return System.nanoTime() - begin > 10_000_000_000L;
 *     }
 * };
 * }
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
