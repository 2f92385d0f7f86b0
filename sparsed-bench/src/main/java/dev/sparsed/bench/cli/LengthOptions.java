package dev.sparsed.bench.cli;

import dev.sparsed.GenerationRequest;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** How long an answer is, and in how many parts and steps it is denoised. */
final class LengthOptions {

    private static final int DEFAULT_GEN_LENGTH = 128;

    @Option(
            names = {"-n", "--gen-length"},
            paramLabel = "N",
            description = "Tokens to generate. Default: " + DEFAULT_GEN_LENGTH + ".")
    private @Nullable Integer genLength;

    @Option(
            names = "--block-length",
            paramLabel = "N",
            description = "Tokens per semi-autoregressive block; must divide --gen-length. Default: one block;"
                    + " in a chat 32 if that divides.")
    private @Nullable Integer blockLength;

    @Option(
            names = "--steps",
            paramLabel = "N",
            description = "Denoising steps in all, a multiple of the number of blocks. Default: one per token.")
    private @Nullable Integer steps;

    /**
     * Sets what was given on a request; the rest is as a request has it.
     *
     * @param request the request
     */
    void apply(GenerationRequest.Builder request) {
        if (genLength != null) {
            request.genLength(genLength);
        }
        if (blockLength != null) {
            request.blockLength(blockLength);
        }
        if (steps != null) {
            request.steps(steps);
        }
    }

    /**
     * As {@link #apply}, with shorter blocks where none were asked for: an answer that ends early ends with its block.
     *
     * @param request the request
     * @param preferred tokens per block, if that divides
     */
    void applyInBlocks(GenerationRequest.Builder request, int preferred) {
        apply(request);
        int length = genLength == null ? DEFAULT_GEN_LENGTH : genLength;
        if (blockLength == null && length % preferred == 0 && (steps == null || steps % (length / preferred) == 0)) {
            request.blockLength(preferred);
        }
    }
}
