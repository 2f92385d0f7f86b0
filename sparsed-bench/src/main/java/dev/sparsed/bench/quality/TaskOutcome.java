package dev.sparsed.bench.quality;

/**
 * What came of a task.
 *
 * @param task which
 * @param answer the generated text up to the end of the turn
 * @param solved whether it is right
 * @param density share of key blocks kept, 0 … 1; 1 if all steps were dense
 * @param forwards forward passes of the model, cached ones included
 * @param rowsForwarded rows of the canvas that went through the model, over all passes
 * @param seconds time of all denoising steps
 */
public record TaskOutcome(
        Task task, String answer, boolean solved, double density, int forwards, long rowsForwarded, double seconds) {}
