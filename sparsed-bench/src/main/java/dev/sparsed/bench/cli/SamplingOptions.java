package dev.sparsed.bench.cli;

import dev.sparsed.GenerationRequest;
import dev.sparsed.diffusion.Remasking;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** How a step turns logits into tokens, and with which attention it gets them. */
final class SamplingOptions {

    @Option(
            names = "--temperature",
            paramLabel = "X",
            defaultValue = "0",
            description = "Sampling temperature; 0 takes the most likely token. Default: ${DEFAULT-VALUE}.")
    private double temperature;

    @Option(
            names = "--cfg-scale",
            paramLabel = "X",
            defaultValue = "0",
            description =
                    "Scale of classifier-free guidance; above 0 every step takes twice as long. Default: ${DEFAULT-VALUE}.")
    private double cfgScale;

    @Option(
            names = "--remasking",
            paramLabel = "NAME",
            defaultValue = "low_confidence",
            description = "Which candidates stay masked: low_confidence or random. Default: ${DEFAULT-VALUE}.")
    private Remasking remasking = Remasking.LOW_CONFIDENCE;

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
        request.temperature(temperature)
                .cfgScale(cfgScale)
                .remasking(remasking)
                .seed(seed)
                .policy(policy.policy());
    }
}
