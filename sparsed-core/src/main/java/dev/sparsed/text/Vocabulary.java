package dev.sparsed.text;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sparsed.CheckpointException;
import java.nio.file.Path;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * The tokens of a tokenizer.json: {@code model.vocab} and {@code added_tokens}. Read beside the native library, which
 * does not offer a look-up and skips unknown ids in silence.
 */
final class Vocabulary {

    /**
     * Ids below this are accepted: 16 times the largest vocabulary in public use (262,144); bounds the memory a file
     * can ask for.
     */
    private static final int MAX_IDS = 1 << 22;

    private final Map<String, Integer> ids = new HashMap<>();
    private final BitSet known = new BitSet();

    private Vocabulary() {}

    /**
     * Reads and checks the vocabulary.
     *
     * @param file where the object is from, for messages
     * @param root the object in tokenizer.json
     * @return the tokens
     * @throws CheckpointException if a field is missing or has another type or an id is out of range; names file and
     *     field
     */
    static Vocabulary read(Path file, JsonNode root) {
        JsonNode model = root.get("model");
        if (model == null || !model.isObject()) {
            throw wrong(file, "model", "an object", model);
        }
        JsonNode normalizer = root.get("normalizer");
        boolean precompiled = normalizer != null
                && (normalizer.findValuesAsText("type").contains("Precompiled")
                        || normalizer.findValue("precompiled_charsmap") != null);
        if (precompiled) { // tokenizers 0.21.4 panics on a malformed table, which ends the process
            throw new CheckpointException(file + ": field normalizer: the type Precompiled is not supported");
        }
        Vocabulary vocabulary = new Vocabulary();
        JsonNode tokens = model.get("vocab");
        if (tokens != null && tokens.isObject()) {
            for (Map.Entry<String, JsonNode> token : tokens.properties()) {
                vocabulary.add(file, "model.vocab", token.getKey(), token.getValue());
            }
        } else if (tokens != null && tokens.isArray()) { // Unigram: pairs of token and score, the id is the index
            for (int i = 0; i < tokens.size(); i++) {
                JsonNode token = tokens.get(i).get(0);
                if (token == null || !token.isTextual()) {
                    throw wrong(file, "model.vocab[" + i + "][0]", "a string", token);
                }
                vocabulary.add(file, "model.vocab", token.textValue(), i);
            }
        } else {
            throw wrong(file, "model.vocab", "an object or an array", tokens);
        }
        vocabulary.addAdded(file, root.get("added_tokens"));
        return vocabulary;
    }

    private void addAdded(Path file, @Nullable JsonNode added) {
        if (added == null || added.isNull()) {
            return;
        }
        if (!added.isArray()) {
            throw wrong(file, "added_tokens", "an array", added);
        }
        for (int i = 0; i < added.size(); i++) {
            JsonNode content = added.get(i).get("content");
            if (content == null || !content.isTextual()) {
                throw wrong(file, "added_tokens[" + i + "].content", "a string", content);
            }
            JsonNode id = added.get(i).get("id");
            if (id == null) {
                throw wrong(file, "added_tokens[" + i + "].id", "a number", null);
            }
            add(file, "added_tokens[" + i + "].id", content.textValue(), id);
        }
    }

    private void add(Path file, String field, String token, JsonNode id) {
        if (!id.isIntegralNumber() || !id.canConvertToInt()) {
            throw new CheckpointException(
                    file + ": field " + field + ": the id of token \"" + token + "\" must be a whole number, is " + id);
        }
        add(file, field, token, id.intValue());
    }

    private void add(Path file, String field, String token, int id) {
        if (id < 0 || id >= MAX_IDS) {
            throw new CheckpointException(file + ": field " + field + ": the id of token \"" + token + "\" is " + id
                    + ": must be in [0, " + MAX_IDS + ")");
        }
        Integer other = ids.put(token, id);
        if (other != null && other != id) {
            throw new CheckpointException(
                    file + ": field " + field + ": token \"" + token + "\" has two ids, " + other + " and " + id);
        }
        known.set(id);
    }

    private static CheckpointException wrong(Path file, String field, String expected, @Nullable JsonNode found) {
        return new CheckpointException(
                file + ": field " + field + ": must be " + expected + ", is " + TextFiles.kind(found));
    }

    /**
     * Looks a token up.
     *
     * @param token as written in tokenizer.json
     * @return its id, or empty
     */
    OptionalInt id(String token) {
        Integer id = ids.get(token);
        return id == null ? OptionalInt.empty() : OptionalInt.of(id);
    }

    /**
     * Whether a token has this id.
     *
     * @param id any number
     * @return whether it is one of the vocabulary
     */
    boolean contains(int id) {
        return id >= 0 && known.get(id);
    }

    /** {@return one more than the largest id} */
    int limit() {
        return known.length();
    }
}
