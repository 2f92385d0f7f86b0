package dev.sparsed.bench.quality;

import dev.sparsed.DiffusionModel;
import dev.sparsed.GenerationListener;
import dev.sparsed.GenerationRequest;
import dev.sparsed.GenerationResult;
import java.util.Arrays;
import java.util.List;

/**
 * Puts tasks to a model.
 *
 * @param model the model; not closed here
 * @param settings sets what the tasks leave open (policy, seed, …) on a request
 * @param listener hears of every step of every task, and may cancel
 */
public record QualityRun(DiffusionModel model, Settings settings, GenerationListener listener) {

    /** Sets what a task leaves open. */
    @FunctionalInterface
    public interface Settings {
        /**
         * Sets it.
         *
         * @param request holds prompt, lengths and steps already
         */
        void apply(GenerationRequest.Builder request);
    }

    /**
     * Runs a task.
     *
     * @param task what to ask
     * @return what came of it
     * @throws dev.sparsed.InvalidRequestException if the task does not fit the model
     * @throws dev.sparsed.GenerationCancelledException if the listener cancels
     */
    public TaskOutcome run(Task task) {
        GenerationResult result = model.generate(request(task, settings), listener);
        int[] tokens = AnswerText.tokensUntilEndOfTurn(model.tokenizer(), result.tokens());
        String answer = model.tokenizer().text(tokens);
        double seconds = result.timings().total().toNanos() / 1e9;
        return new TaskOutcome(
                task,
                Arrays.stream(tokens).boxed().toList(),
                answer,
                TaskChecker.solved(task, answer),
                result.density(),
                result.keptMass().stream()
                        .flatMap(List::stream)
                        .mapToDouble(Double::doubleValue)
                        .average()
                        .orElse(Double.NaN),
                result.forwards().count(),
                result.forwards().tokens(),
                seconds);
    }

    /**
     * The request that a task stands for.
     *
     * @param task what to ask
     * @param settings sets what it leaves open
     * @return the request
     */
    public static GenerationRequest request(Task task, Settings settings) {
        GenerationRequest.Builder request = request(task);
        settings.apply(request);
        return request.build();
    }

    /**
     * The same, with what the task leaves open still open.
     *
     * @param task what to ask
     * @return holds prompt, lengths and steps
     */
    public static GenerationRequest.Builder request(Task task) {
        return GenerationRequest.builder()
                .user(task.user())
                .assistantPrefix(task.assistantPrefix())
                .genLength(task.genLength())
                .blockLength(task.blockLength())
                .steps(task.steps());
    }
}
