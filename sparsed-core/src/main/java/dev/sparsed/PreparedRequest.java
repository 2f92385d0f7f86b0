package dev.sparsed;

import dev.sparsed.attention.AttentionPlan;
import dev.sparsed.attention.GenerationShape;
import dev.sparsed.diffusion.CacheMode;
import dev.sparsed.diffusion.CacheSchedule;
import dev.sparsed.diffusion.Canvas;
import dev.sparsed.diffusion.CommitRule;
import dev.sparsed.diffusion.EvenSchedule;
import dev.sparsed.diffusion.LogitAdjustment;
import dev.sparsed.diffusion.OriginSchedule;
import dev.sparsed.diffusion.Remasking;
import dev.sparsed.diffusion.Sampler;
import dev.sparsed.diffusion.StepSchedule;
import dev.sparsed.diffusion.StopRule;
import dev.sparsed.diffusion.StopStrings;
import dev.sparsed.diffusion.StopTokens;
import dev.sparsed.diffusion.TimestepSchedule;
import dev.sparsed.diffusion.TokenFilter;
import dev.sparsed.internal.model.GenerationDefaults;
import dev.sparsed.internal.model.ModelConfig;
import dev.sparsed.internal.model.ModelFamily;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A request that has met a model: its prompt is checked, and what it left open is decided, by the model's
 * generation_config.json where that says something, else as the reference code of the model's family does.
 *
 * @param request what was asked
 * @param prompt its token ids
 * @param config the model
 * @param defaults what the model's generation_config.json says
 */
record PreparedRequest(GenerationRequest request, int[] prompt, ModelConfig config, GenerationDefaults defaults) {

    /**
     * Checks that the request fits the model.
     *
     * @param request what was asked
     * @param prompt its token ids
     * @param config the model
     * @param defaults what the model's generation_config.json says
     * @param contextLength the longest canvas
     * @return the request, prepared
     * @throws InvalidRequestException if it does not fit
     */
    static PreparedRequest of(
            GenerationRequest request,
            int[] prompt,
            ModelConfig config,
            GenerationDefaults defaults,
            int contextLength) {
        int room = contextLength - request.genLength();
        String context = " for a context of " + contextLength + " (LoadOptions.withContextLength prepares for more)";
        if (room < 0) {
            throw new InvalidRequestException(
                    "genLength", request.genLength(), "must be at most " + contextLength + context);
        }
        if (prompt.length > room) {
            throw new InvalidRequestException(
                    "prompt",
                    prompt.length + " tokens",
                    "with genLength = " + request.genLength() + " it must be at most " + room + context);
        }
        for (int i = 0; i < prompt.length; i++) {
            checkToken("prompt", prompt[i], " at " + i, config);
            if (prompt[i] == config.maskToken()) {
                throw new InvalidRequestException(
                        "prompt",
                        "mask token " + prompt[i] + " at " + i,
                        "a prompt must hold no mask; infill may hold masks anywhere");
            }
        }
        int[] infill = request.infill().orElse(new int[0]);
        for (int i = 0; i < infill.length; i++) {
            if (infill[i] != GenerationRequest.MASK) {
                checkToken("infill", infill[i], " at " + i, config);
            }
        }
        Sampling sampling = request.sampling();
        request.stopTokens().forEach(token -> checkToken("stopTokens", token, "", config));
        sampling.forbiddenTokens().forEach(token -> checkToken("forbiddenTokens", token, "", config));
        sampling.logitBias().keySet().forEach(token -> checkToken("logitBias", token, "", config));
        Set<Integer> barred = new HashSet<>(sampling.forbiddenTokens());
        barred.add(config.maskToken());
        if (barred.size() == config.vocabularySize()) {
            throw new InvalidRequestException("forbiddenTokens", "all", "must leave a token to generate");
        }
        return new PreparedRequest(request, prompt, config, defaults);
    }

    private static void checkToken(String field, int token, String where, ModelConfig config) {
        if (token < 0 || token >= config.vocabularySize()) {
            throw new InvalidRequestException(
                    field, "token " + token + where, "must be 0 ... " + (config.vocabularySize() - 1));
        }
    }

    /** {@return the canvas before the first step} */
    Canvas canvas() {
        int[] generation = request.infill().orElseGet(() -> {
            int[] masks = new int[request.genLength()];
            Arrays.fill(masks, GenerationRequest.MASK);
            return masks;
        });
        for (int i = 0; i < generation.length; i++) {
            generation[i] = generation[i] == GenerationRequest.MASK ? config.maskToken() : generation[i];
        }
        return new Canvas(prompt, generation, config.maskToken());
    }

    /** {@return how steps and positions split into blocks} */
    StepSchedule schedule() {
        return new StepSchedule(request.genLength(), request.blockLength(), request.steps());
    }

    /** {@return a new attention plan} */
    AttentionPlan plan() {
        return request.policy()
                .plan(new GenerationShape(
                        prompt.length + request.genLength(),
                        request.genLength(),
                        request.expectedSteps(),
                        config.layers(),
                        config.heads().queryHeads()));
    }

    /** {@return whether keys and values outlive a step} */
    boolean isCached() {
        return request.cache() != CacheMode.NONE;
    }

    /** {@return a new schedule of the cache} */
    CacheSchedule cache() {
        return new CacheSchedule(request.cache(), request.cacheInterval(), config.shiftedLogits());
    }

    /**
     * {@return where the generation ends}
     *
     * @param decode the text of token ids
     */
    StopRule stop(Function<int[], String> decode) {
        Set<Integer> tokens = new HashSet<>(request.stopTokens());
        if (request.stopAtEos()) {
            config.eosToken().ifPresent(tokens::add);
            tokens.addAll(defaults.endTokens());
        }
        StopRule stop = tokens.isEmpty() ? StopRule.NEVER : new StopTokens(tokens);
        return request.stopStrings().isEmpty() ? stop : stop.or(new StopStrings(request.stopStrings(), decode));
    }

    /** {@return what decides which candidates stay masked} */
    Remasking remasking() {
        Remasking asked = request.sampling().remasking();
        if (asked != null) {
            return asked;
        }
        CommitRule rule = request.sampling().commitRule();
        boolean llada = config.family() == ModelFamily.LLADA;
        if (rule != null && !(rule instanceof TimestepSchedule)) {
            return llada ? Remasking.LOW_CONFIDENCE : Remasking.MASKGIT_PLUS;
        }
        return orElse(defaults.remasking(), llada ? Remasking.LOW_CONFIDENCE : Remasking.ORIGIN);
    }

    /** {@return how many candidates a step commits} */
    CommitRule rule() {
        CommitRule asked = request.sampling().commitRule();
        TimestepSchedule timesteps = asked instanceof TimestepSchedule schedule
                ? schedule
                : new TimestepSchedule(orElse(defaults.eps(), TimestepSchedule.DEFAULT_EPS));
        if (remasking() == Remasking.ORIGIN) {
            return new OriginSchedule(timesteps);
        }
        if (asked != null) {
            return asked;
        }
        return config.family() == ModelFamily.DREAM ? timesteps : new EvenSchedule();
    }

    /**
     * {@return what turns logits into candidates}
     *
     * @param seed seed of all random numbers
     */
    Sampler sampler(long seed) {
        Sampling sampling = request.sampling();
        TokenFilter filter = new TokenFilter(
                orElse(sampling.temperature(), orElse(defaults.temperature(), 0.0)),
                orElse(sampling.topP(), orElse(defaults.topP(), 1.0)),
                orElse(sampling.topK(), orElse(defaults.topK(), 0)));
        CommitRule rule = rule();
        boolean drawsPositions = !rule.isParallel() && remasking() != Remasking.ORIGIN;
        double algTemp = orElse(sampling.algTemp(), drawsPositions ? orElse(defaults.algTemp(), 0.0) : 0.0);
        return new Sampler(
                filter,
                remasking().confidence(),
                algTemp,
                bias(sampling).then(sampling.logitsHook()),
                config.maskToken(),
                rule.needsEntropies(),
                seed);
    }

    private static LogitAdjustment bias(Sampling sampling) {
        Map<Integer, Float> biases = new HashMap<>(sampling.logitBias());
        sampling.forbiddenTokens().forEach(token -> biases.put(token, Float.NEGATIVE_INFINITY));
        return biases.isEmpty()
                ? LogitAdjustment.NONE
                : (step, position, logits) -> biases.forEach((token, bias) -> logits[token] += bias);
    }

    private static <T> T orElse(@Nullable T value, T otherwise) {
        return value == null ? otherwise : value;
    }
}
