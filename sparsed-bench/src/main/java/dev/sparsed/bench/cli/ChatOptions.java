package dev.sparsed.bench.cli;

import dev.sparsed.GenerationRequest;
import dev.sparsed.Sampling;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** What may change from answer to answer. */
@Command(name = "/options")
final class ChatOptions {

    /** As LLaDA's own chat: an answer of two lines needs not wait for masks a page below. */
    private static final int BLOCK_LENGTH = 32;

    @Mixin
    private LengthOptions length = new LengthOptions();

    @Mixin
    private SamplingOptions sampling = new SamplingOptions();

    /**
     * Sets all of it on a request.
     *
     * @param request the request
     * @throws IllegalArgumentException if something is out of range
     */
    void apply(GenerationRequest.Builder request) {
        length.applyInBlocks(request, BLOCK_LENGTH);
        sampling.apply(request);
    }

    /**
     * What a request asks for, in words.
     *
     * @param request any
     * @return one line; what is left to the model is not in it
     */
    static String described(GenerationRequest request) {
        Sampling sampling = request.sampling();
        List<String> parts = new ArrayList<>(List.of(
                "gen-length " + request.genLength(),
                "block-length " + request.blockLength(),
                "steps " + request.steps(),
                "policy " + request.policy(),
                "cache " + request.cache()));
        add(parts, "alg ", sampling.remasking());
        add(parts, "temperature ", sampling.temperature());
        add(parts, "top-p ", sampling.topP());
        add(parts, "top-k ", sampling.topK());
        add(parts, "alg-temp ", sampling.algTemp());
        add(parts, "", sampling.commitRule());
        if (request.cacheInterval() != Integer.MAX_VALUE) {
            parts.add("cache-interval " + request.cacheInterval());
        }
        if (request.expectedSteps() != request.steps()) {
            parts.add("expected-steps " + request.expectedSteps());
        }
        if (request.policy().measured().equals(request.policy())) {
            parts.add("measured");
        }
        parts.add("cfg-scale " + sampling.cfgScale());
        parts.add("seed " + sampling.seed());
        return String.join(", ", parts);
    }

    private static void add(List<String> parts, String name, @Nullable Object value) {
        if (value != null) {
            parts.add(name + value);
        }
    }
}
