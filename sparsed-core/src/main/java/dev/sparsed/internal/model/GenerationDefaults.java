package dev.sparsed.internal.model;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sparsed.diffusion.Remasking;
import dev.sparsed.internal.checkpoint.JsonFields;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What {@code generation_config.json} says, as far as it is honoured where a request leaves something open. Null where it says nothing.
 *
 * @param temperature field {@code temperature}, ≥ 0
 * @param topP field {@code top_p}, &gt; 0 … 1
 * @param topK field {@code top_k}, ≥ 1; 0 counts as nothing
 * @param remasking field {@code alg}
 * @param algTemp field {@code alg_temp}, ≥ 0
 * @param eps field {@code eps}, &gt; 0 and &lt; 1
 * @param endTokens field {@code eos_token_id}, a number or an array of numbers
 */
public record GenerationDefaults(
        @Nullable Double temperature,
        @Nullable Double topP,
        @Nullable Integer topK,
        @Nullable Remasking remasking,
        @Nullable Double algTemp,
        @Nullable Double eps,
        Set<Integer> endTokens) {

    /** Its file in the model's folder. */
    public static final String FILE_NAME = "generation_config.json";

    /** No file, no defaults. */
    public static final GenerationDefaults NONE = new GenerationDefaults(null, null, null, null, null, null, Set.of());

    private static final double LARGEST = 1e6;
    private static final double SMALLEST = 1e-6;
    private static final int MAX_IDS = 1 << 22;

    /**
     * Reads the defaults of a model.
     *
     * @param folder the model's folder
     * @return its defaults; none if it has no such file
     * @throws dev.sparsed.CheckpointException if the file is malformed or a value is out of range; it names file, field, expected and found
     */
    public static GenerationDefaults read(Path folder) {
        Path file = folder.resolve(FILE_NAME);
        return Files.isRegularFile(file) ? of(JsonFields.read(file)) : NONE;
    }

    private static GenerationDefaults of(JsonFields fields) {
        int topK = fields.optionalInteger("top_k", 0, Integer.MAX_VALUE).orElse(0);
        return new GenerationDefaults(
                number(fields, "temperature", 0, LARGEST),
                number(fields, "top_p", SMALLEST, 1),
                topK == 0 ? null : topK,
                remasking(fields),
                number(fields, "alg_temp", 0, LARGEST),
                number(fields, "eps", SMALLEST, 1 - SMALLEST),
                endTokens(fields));
    }

    private static @Nullable Double number(JsonFields fields, String name, double min, double max) {
        return fields.has(name) ? fields.number(name, min, max) : null;
    }

    private static @Nullable Remasking remasking(JsonFields fields) {
        JsonNode alg = fields.find("alg");
        if (alg == null) {
            return null;
        }
        for (Remasking remasking : Remasking.values()) {
            if (alg.isTextual() && alg.textValue().equals(name(remasking))) {
                return remasking;
            }
        }
        throw fields.wrong(
                "alg",
                "one of "
                        + Arrays.stream(Remasking.values())
                                .map(GenerationDefaults::name)
                                .collect(Collectors.joining(", ")));
    }

    private static String name(Remasking remasking) {
        return remasking.name().toLowerCase(Locale.ROOT);
    }

    private static Set<Integer> endTokens(JsonFields fields) {
        JsonNode ids = fields.find("eos_token_id");
        if (ids == null || !ids.isArray()) {
            return ids == null ? Set.of() : Set.of(fields.integer("eos_token_id", 0, MAX_IDS));
        }
        Set<Integer> all = new TreeSet<>();
        for (JsonNode id : ids) {
            if (!id.canConvertToInt() || !id.isIntegralNumber() || id.intValue() < 0 || id.intValue() > MAX_IDS) {
                throw fields.wrong("eos_token_id", "a token id or an array of them");
            }
            all.add(id.intValue());
        }
        return Set.copyOf(all);
    }
}
