package dev.sparsed.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sparsed.CheckpointException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Qwen2's tokenizer in its slow format, which Dream's repositories have: {@code vocab.json}, {@code merges.txt} and the
 * added tokens of {@code tokenizer_config.json}. Turned into the tokenizer.json that Hugging Face's converter
 * ({@code Qwen2Converter}) makes of them: NFC, Qwen2's pre-tokenization, byte-level BPE.
 */
final class Qwen2Files {

    private static final String VOCABULARY = "vocab.json";
    private static final String MERGES = "merges.txt";
    private static final String CONFIG = "tokenizer_config.json";

    /** Values of {@code tokenizer_class} whose pre-tokenization is this one. */
    private static final Set<String> CLASSES =
            Set.of("Qwen2Tokenizer", "Qwen2TokenizerFast", "DreamTokenizer", "DreamTokenizerFast");

    /** From Qwen2's {@code PRETOKENIZE_REGEX}: contractions, words, single digits, punctuation, line breaks, spaces. */
    private static final String PATTERN = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}"
            + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

    private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

    private final Path folder;

    private Qwen2Files(Path folder) {
        this.folder = folder;
    }

    /**
     * {@return whether a folder has a vocabulary and merges}
     *
     * @param folder the checkpoint's folder
     */
    static boolean areIn(Path folder) {
        return Files.isRegularFile(folder.resolve(VOCABULARY)) && Files.isRegularFile(folder.resolve(MERGES));
    }

    /**
     * Builds the tokenizer.json.
     *
     * @param folder the checkpoint's folder
     * @return the object that tokenizer.json would hold
     * @throws CheckpointException if a file is missing or malformed, or the tokenizer is of another class
     */
    static JsonNode tokenizerJson(Path folder) {
        return new Qwen2Files(folder).build();
    }

    private JsonNode build() {
        JsonNode config = object(CONFIG);
        String name = config.path("tokenizer_class").asText();
        if (!CLASSES.contains(name)) {
            throw new CheckpointException(folder.resolve(CONFIG) + ": field tokenizer_class: is \"" + name
                    + "\"; vocab.json and merges.txt alone are enough for "
                    + CLASSES.stream().sorted().collect(Collectors.joining(", "))
                    + ". Save the tokenizer in the fast format (Python: AutoTokenizer … save_pretrained)");
        }
        JsonNode vocabulary = object(VOCABULARY);
        ObjectNode model = JSON.objectNode();
        model.put("type", "BPE");
        model.put("continuing_subword_prefix", "");
        model.put("end_of_word_suffix", "");
        model.put("fuse_unk", false);
        model.put("byte_fallback", false);
        model.set("vocab", vocabulary);
        model.set("merges", merges());

        ObjectNode root = JSON.objectNode();
        root.put("version", "1.0");
        root.set("added_tokens", addedTokens(config, vocabulary));
        root.set("normalizer", JSON.objectNode().put("type", "NFC"));
        root.set("pre_tokenizer", preTokenizer());
        root.set("post_processor", byteLevel(false));
        root.set("decoder", byteLevel(true));
        root.set("model", model);
        return root;
    }

    private static JsonNode preTokenizer() {
        ObjectNode split = JSON.objectNode().put("type", "Split");
        split.set("pattern", JSON.objectNode().put("Regex", PATTERN));
        split.put("behavior", "Isolated").put("invert", false);
        ObjectNode sequence = JSON.objectNode().put("type", "Sequence");
        sequence.set("pretokenizers", JSON.arrayNode().add(split).add(byteLevel(false)));
        return sequence;
    }

    private static ObjectNode byteLevel(boolean decoder) {
        return JSON.objectNode()
                .put("type", "ByteLevel")
                .put("add_prefix_space", false)
                .put("trim_offsets", decoder)
                .put("use_regex", decoder);
    }

    private ArrayNode merges() {
        Path file = folder.resolve(MERGES);
        List<String> lines =
                TextFiles.utf8(file, TextFiles.MAX_CONFIG_BYTES).lines().toList();
        ArrayNode merges = JSON.arrayNode();
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i).strip();
            if (line.isEmpty() || i == 0 && line.startsWith("#version:")) {
                continue;
            }
            String[] pair = line.split(" ");
            if (pair.length != 2) {
                throw new CheckpointException(file + ": line " + (i + 1) + ": must be two tokens and a space between");
            }
            merges.add(JSON.arrayNode().add(pair[0]).add(pair[1]));
        }
        return merges;
    }

    /**
     * The native library numbers tokens that are not in the vocabulary by itself, from the vocabulary's size on and
     * without a gap; so these have to be their ids.
     */
    private ArrayNode addedTokens(JsonNode config, JsonNode vocabulary) {
        String field = folder.resolve(CONFIG) + ": field added_tokens_decoder";
        JsonNode decoder = config.path("added_tokens_decoder");
        if (!decoder.isObject()) {
            throw new CheckpointException(field + ": must be an object, is " + TextFiles.kind(decoder));
        }
        Map<Integer, JsonNode> byId = new HashMap<>();
        for (Map.Entry<String, JsonNode> token : decoder.properties()) {
            if (!token.getKey().matches("[0-9]{1,7}")
                    || !token.getValue().path("content").isTextual()) {
                throw new CheckpointException(
                        field + ": must map ids to objects with a string \"content\", has " + token.getKey());
            }
            byId.put(Integer.valueOf(token.getKey()), token.getValue());
        }
        ArrayNode tokens = JSON.arrayNode();
        int next = vocabulary.size();
        for (int id : byId.keySet().stream().sorted(Comparator.naturalOrder()).toList()) {
            JsonNode token = byId.get(id);
            String content = token.get("content").textValue();
            JsonNode known = vocabulary.get(content);
            if (known == null ? id != next++ : known.asInt(-1) != id) {
                throw new CheckpointException(field + ": token \"" + content + "\" has the id " + id + ", but "
                        + (known == null ? "the next free one is " + (next - 1) : VOCABULARY + " gives it " + known));
            }
            ObjectNode added = JSON.objectNode().put("id", id).put("content", content);
            for (String flag : List.of("single_word", "lstrip", "rstrip", "normalized", "special")) {
                added.put(flag, token.path(flag).asBoolean(false));
            }
            tokens.add(added);
        }
        return tokens;
    }

    private JsonNode object(String name) {
        Path file = folder.resolve(name);
        if (!Files.isRegularFile(file)) {
            throw new CheckpointException(folder + ": has no " + name + ", which says which tokenizer it is");
        }
        return TextFiles.object(file, TextFiles.utf8(file, TextFiles.MAX_CONFIG_BYTES));
    }
}
