package dev.sparsed.bench.cli;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sparsed.GenerationResult;
import dev.sparsed.text.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Option;

/** What is printed of a generation. */
final class OutputOptions {

    /** Formats of standard output besides text: at most one of them is given. */
    private static final class Format {

        @Option(names = "--output-tokens", description = "Print token ids, separated by commas, instead of text.")
        private boolean tokens;

        @Option(
                names = "--json",
                description =
                        "Print a JSON object per completion, in a line of its own: text, tokens, log-probabilities,"
                                + " forward passes, time.")
        private boolean json;
    }

    @ArgGroup
    private @Nullable Format format;

    @Option(
            names = "--log-probs",
            description = "Print a table of the tokens and of ln p when they were committed to standard error.")
    private boolean logProbabilities;

    /** {@return whether standard output carries text for people, so that a live view may precede it} */
    boolean isText() {
        return format == null;
    }

    /** {@return whether there is a table of log-probabilities} */
    boolean logProbabilities() {
        return logProbabilities;
    }

    /**
     * The line for a program.
     *
     * @param result the generation
     * @param text its text, null if the prompt was given as token ids
     * @param seed its seed
     * @return ids separated by commas, or a JSON object
     */
    String line(GenerationResult result, @Nullable String text, long seed) {
        return format != null && format.json
                ? json(result, text, seed)
                : Arrays.stream(result.tokens()).mapToObj(String::valueOf).collect(Collectors.joining(","));
    }

    private static String json(GenerationResult result, @Nullable String text, long seed) {
        ObjectNode object = JsonNodeFactory.instance.objectNode();
        if (text != null) {
            object.put("text", text);
        }
        ArrayNode tokens = object.putArray("tokens");
        Arrays.stream(result.tokens()).forEach(tokens::add);
        ArrayNode logProbabilities = object.putArray("log_probabilities");
        for (float logProbability : result.logProbabilities()) {
            if (Float.isFinite(logProbability)) {
                logProbabilities.add(logProbability);
            } else {
                logProbabilities.addNull(); // JSON has no NaN: a fixed token
            }
        }
        object.put("prompt_tokens", result.promptLength())
                .put("seed", seed)
                .put("stopped", result.stopped())
                .put("forwards", result.forwards().count())
                .put("rows_forwarded", result.forwards().tokens())
                .put("density", result.density())
                .put("seconds", result.timings().total().toNanos() / 1e9)
                .put("backend", result.backend().name());
        try {
            return JsonMapper.builder().build().writeValueAsString(object);
        } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
            throw new IllegalStateException(e); // a tree of numbers and strings can be written
        }
    }

    /**
     * The table of log-probabilities.
     *
     * @param result the generation
     * @param tokenizer the model's
     * @return its lines, the head first
     */
    static List<String> logProbabilities(GenerationResult result, Tokenizer tokenizer) {
        List<String> lines = new ArrayList<>();
        lines.add(String.format(Locale.ROOT, "%8s %8s %9s  %s", "position", "token", "ln p", "text"));
        for (int i = 0; i < result.tokens().length; i++) {
            int token = result.tokens()[i];
            float logProbability = result.logProbabilities()[i];
            lines.add(String.format(
                    Locale.ROOT,
                    "%8d %8d %9s  %s",
                    result.promptLength() + i,
                    token,
                    Float.isNaN(logProbability) ? "fixed" : String.format(Locale.ROOT, "%.4f", logProbability),
                    tokenizer.contains(token)
                            ? Texts.printable(tokenizer.token(token)).replace("\n", "\\n")
                            : ""));
        }
        return lines;
    }
}
