package dev.sparsed.bench.cli;

import dev.sparsed.GenerationRequest;
import dev.sparsed.attention.AttentionPolicy;
import dev.sparsed.diffusion.CacheMode;
import dev.sparsed.diffusion.Remasking;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** How a step turns logits into tokens, and with which attention it gets them. */
final class SamplingOptions {

    @Option(
            names = "--temperature",
            paramLabel = "X",
            description = "Sampling temperature; 0 takes the most likely token. Default: the model's, else 0.")
    private @Nullable Double temperature;

    @Option(
            names = "--top-p",
            paramLabel = "X",
            description = "Drop tokens beyond this share of the probability. Default: the model's, else 1.")
    private @Nullable Double topP;

    @Option(
            names = "--top-k",
            paramLabel = "N",
            description = "Keep the N most likely tokens alone. Default: the model's, else all.")
    private @Nullable Integer topK;

    @Option(
            names = "--cfg-scale",
            paramLabel = "X",
            defaultValue = "0",
            description =
                    "Scale of classifier-free guidance; above 0 every step takes twice as long. Default: ${DEFAULT-VALUE}.")
    private double cfgScale;

    @Option(
            names = {"--remasking", "--alg"},
            paramLabel = "NAME",
            description =
                    "Which candidates stay masked: low_confidence or random (LLaDA), origin, maskgit_plus, topk_margin or"
                            + " entropy (Dream). Default: the model's.")
    private @Nullable Remasking remasking;

    @Option(
            names = "--alg-temp",
            paramLabel = "X",
            description = "Randomness in the order of commits. Default: the model's, else 0.")
    private @Nullable Double algTemp;

    @Option(
            names = "--eps",
            paramLabel = "X",
            description = "Dream's schedule: the last timestep. Default for Dream: 0.001.")
    private @Nullable Double eps;

    @Option(
            names = "--threshold",
            paramLabel = "X",
            description = "Commit all that are so confident, and at least one; --steps is a bound then.")
    private @Nullable Double threshold;

    @Option(
            names = "--factor",
            paramLabel = "X",
            description = "Commit the largest n with (n + 1)(1 - n-th confidence) <= X.")
    private @Nullable Double factor;

    @Option(
            names = "--entropy-bound",
            paramLabel = "X",
            description = "Commit while the entropies of the committed, but for the largest, add up to at most X.")
    private @Nullable Double entropyBound;

    @Option(
            names = "--expected-steps",
            paramLabel = "N",
            description = "With the three above: the number of steps to schedule SparseD for. Default: --steps.")
    private @Nullable Integer expectedSteps;

    @Option(
            names = "--cache",
            paramLabel = "NAME",
            defaultValue = "none",
            description = "Keys and values kept within a block: none, prefix or dual. Default: ${DEFAULT-VALUE}.")
    private CacheMode cache = CacheMode.NONE;

    @Option(
            names = "--cache-interval",
            paramLabel = "N",
            description = "Refresh the cache every N steps of a block. Default: once per block.")
    private @Nullable Integer cacheInterval;

    @Option(names = "--stop-at-eos", description = "End with the first block that holds the model's end token.")
    private boolean stopAtEos;

    @Option(
            names = {"-s", "--seed"},
            paramLabel = "N",
            defaultValue = "0",
            description = "Seed of all random numbers. Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Mixin
    private PolicyOptions policy = new PolicyOptions();

    /**
     * Sets all of it on a request.
     *
     * @param request the request
     * @throws IllegalArgumentException if the policy's settings are out of range
     */
    void apply(GenerationRequest.Builder request) {
        apply(request, policy.policy());
    }

    /**
     * Sets all of it but the policy.
     *
     * @param request the request
     * @param attention the policy instead
     */
    void apply(GenerationRequest.Builder request, AttentionPolicy attention) {
        set(temperature, request::temperature);
        set(topP, request::topP);
        set(topK, request::topK);
        set(remasking, request::remasking);
        set(algTemp, request::algTemp);
        set(eps, request::eps);
        set(threshold, request::threshold);
        set(factor, request::factor);
        set(entropyBound, request::entropyBound);
        set(expectedSteps, request::expectedSteps);
        set(cacheInterval, request::cacheInterval);
        request.cfgScale(cfgScale).cache(cache).stopAtEos(stopAtEos).seed(seed).policy(attention);
    }

    /** {@return how attention looks} */
    PolicyOptions policy() {
        return policy;
    }

    /** {@return which keys and values are kept} */
    CacheMode cache() {
        return cache;
    }

    /** {@return how many candidates a step commits, as {@code --rules} has it} */
    String rule() {
        return threshold != null
                ? "threshold=" + threshold
                : factor != null
                        ? "factor=" + factor
                        : entropyBound != null ? "entropy-bound=" + entropyBound : "fixed";
    }

    private static <T> void set(@Nullable T value, Consumer<T> option) {
        if (value != null) {
            option.accept(value);
        }
    }
}
