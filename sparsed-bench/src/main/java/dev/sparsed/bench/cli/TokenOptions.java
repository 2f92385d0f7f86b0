package dev.sparsed.bench.cli;

import dev.sparsed.GenerationRequest;
import dev.sparsed.text.Tokenizer;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Options that speak of tokens, which only the model's tokenizer knows. A TOKEN is an id, or a text of one token. */
final class TokenOptions {

    @Option(
            names = "--infill",
            paramLabel = "TEXT",
            description =
                    "Fill the gaps of a text instead of writing one: [MASK] is a gap of one token, [MASK*8] of eight.")
    private @Nullable String infill;

    @Option(
            names = "--stop",
            paramLabel = "TEXT",
            description = "End with the first block by which this text has appeared, and cut before it. May be given"
                    + " several times.")
    private List<String> stopStrings = List.of();

    @Option(
            names = "--stop-token",
            paramLabel = "TOKEN",
            description =
                    "End with the first block that holds this token, and cut before it. May be given several times.")
    private List<String> stopTokens = List.of();

    @Option(
            names = "--forbid",
            paramLabel = "TOKEN",
            description = "Never generate this token. May be given several times.")
    private List<String> forbidden = List.of();

    @Option(
            names = "--logit-bias",
            paramLabel = "TOKEN=X",
            description = "Add X to the logit of this token. May be given several times.")
    private Map<String, Double> biases = Map.of();

    /**
     * Sets all of it on a request.
     *
     * @param request the request
     * @param tokenizer the model's; not asked for unless an option needs it
     * @throws IllegalArgumentException if something is not one token
     */
    void apply(GenerationRequest.Builder request, Supplier<Tokenizer> tokenizer) {
        if (infill != null) {
            request.infill(InfillTemplate.tokens(infill, tokenizer.get()));
        }
        request.stopStrings(stopStrings.toArray(String[]::new));
        stopTokens.forEach(token -> request.stopTokens(TokenArgument.id("--stop-token", token, tokenizer.get())));
        forbidden.forEach(token -> request.forbiddenTokens(TokenArgument.id("--forbid", token, tokenizer.get())));
        biases.forEach(
                (token, bias) -> request.logitBias(TokenArgument.id("--logit-bias", token, tokenizer.get()), bias));
    }

    /** {@return whether the lengths are known only when a text is tokenized} */
    boolean givesLength() {
        return infill != null;
    }
}
