package dev.sparsed.bench.report;

import dev.sparsed.DiffusionModel;
import dev.sparsed.GenerationListener;
import dev.sparsed.GenerationRequest;
import dev.sparsed.GenerationResult;
import dev.sparsed.ModelInfo;
import dev.sparsed.StepEvent;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.bench.quality.TaskOutcome;
import dev.sparsed.diffusion.CacheMode;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.function.UnaryOperator;

/**
 * One prompt, looked at closely: how dense attention answers it and which blocks would have been selected from step to step, and how a policy answers
 * it and which blocks it keeps.
 *
 * @param model what is known of the model
 * @param prompt what was asked, in words
 * @param dense what dense attention generated
 * @param selected by step of the dense generation, the patterns of all layers that a selection in this step gives
 * @param sparse what the policy generated
 * @param trace how it came about
 */
public record PromptStudy(
        ModelInfo model,
        String prompt,
        GenerationResult dense,
        SequencedMap<Integer, List<BlockPattern>> selected,
        GenerationResult sparse,
        CanvasTrace trace) {

    /** So many patterns of all layers are held at once; at 65,536 tokens, 32 layers, 32 heads and blocks of 128 each takes 32 MiB. */
    private static final int SELECTIONS = 16;

    /** About so many of the policy's steps sample what its patterns still keep; at most every second one, so that the others show a step's time. */
    private static final int SAMPLES = 16;

    /**
     * Generates twice, dense and with the policy.
     *
     * @param model the model; has a tokenizer
     * @param prompt what is asked, in words
     * @param request asks it, with the policy to look at
     * @param following wraps the listeners, to cancel or to show progress
     * @return what was seen
     */
    public static PromptStudy of(
            DiffusionModel model,
            String prompt,
            GenerationRequest.Builder request,
            UnaryOperator<GenerationListener> following) {
        GenerationRequest asked = request.build();
        CanvasTrace trace = new CanvasTrace(model.tokenizer(), model.info().maskToken());
        SequencedMap<Integer, List<BlockPattern>> selected = new LinkedHashMap<>();
        GenerationResult dense = model.generate(
                request.policy(new DenseProbe(asked.policy(), SELECTIONS))
                        .cache(CacheMode.NONE)
                        .build(),
                following.apply(event -> keep(event, selected)));
        int interval = Math.max(2, asked.steps() / SAMPLES);
        GenerationResult sparse = model.generate(
                request.policy(asked.policy().measured(interval))
                        .cache(asked.cache())
                        .build(),
                following.apply(trace));
        return new PromptStudy(model.info(), prompt, dense, selected, sparse, trace);
    }

    private static void keep(StepEvent event, SequencedMap<Integer, List<BlockPattern>> selected) {
        if (!event.selected().isEmpty()) {
            selected.put(event.step(), event.selected());
        }
    }

    /** {@return the share of generated tokens that dense attention generated, too, position by position, 0 … 1} */
    public double agreement() {
        return TaskOutcome.agreement(tokens(sparse), tokens(dense));
    }

    private static List<Integer> tokens(GenerationResult result) {
        return Arrays.stream(result.tokens()).boxed().toList();
    }

    /** {@return the step whose selection the policy used first, or the first one that was looked at if it selects nothing} */
    int referenceStep() {
        return trace.steps().stream()
                .map(CanvasTrace.Step::event)
                .filter(event -> !event.selected().isEmpty())
                .map(StepEvent::step)
                .filter(selected::containsKey)
                .findFirst()
                .orElseGet(selected.sequencedKeySet()::getFirst);
    }
}
