package dev.sparsed.text;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sparsed.ChatMessage;
import dev.sparsed.CheckpointException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The checkpoint's chat template: how messages become the one text that the model was trained on. A Jinja template,
 * rendered as Hugging Face's {@code apply_chat_template} does (blocks trimmed, one trailing newline of the template
 * dropped).
 *
 * <p>The text already holds the special tokens the model expects, the beginning-of-text token included:
 * {@link Tokenizer#encode} adds none.
 *
 * <p>The template is not trusted: it sees the messages, {@code add_generation_prompt} and the special tokens, reads no
 * file, calls no Java method, and its output, its strings and its number of steps are bounded. What stands in a message
 * is text and never interpreted.
 *
 * <p>Safe for use by several threads at once.
 */
public final class ChatTemplate {

    /** Chars of a template: real ones have up to 20,000. */
    private static final int MAX_TEMPLATE = 1 << 20;

    private static final String CONFIG = "tokenizer_config.json";

    private static final List<String> SPECIAL_TOKENS =
            List.of("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token");

    private final TemplateEngine engine;
    private final Map<String, String> specialTokens;

    private ChatTemplate(TemplateEngine engine, Map<String, String> specialTokens) {
        this.engine = engine;
        this.specialTokens = specialTokens;
    }

    /**
     * Loads the template: {@code chat_template.jinja} if it is there, else the field {@code chat_template} of
     * {@code tokenizer_config.json} (a string, or a list of named ones of which "default" is taken). Special tokens
     * come from {@code tokenizer_config.json}, those it lacks from {@code special_tokens_map.json}.
     *
     * @param folder the checkpoint's folder
     * @return the template
     * @throws CheckpointException if there is no template, or a file is malformed
     * @throws TextUnavailableException if jinjava is not on the class path
     */
    public static ChatTemplate load(Path folder) {
        Map<String, String> tokens = new HashMap<>();
        Path mapFile = folder.resolve("special_tokens_map.json");
        JsonNode map = read(mapFile);
        if (map != null) {
            readTokens(mapFile, map, tokens);
        }
        Path configFile = folder.resolve(CONFIG);
        JsonNode config = read(configFile);
        if (config != null) {
            readTokens(configFile, config, tokens);
        }
        Path source = folder.resolve("chat_template.jinja");
        String template = null;
        if (Files.isRegularFile(source)) {
            template = TextFiles.utf8(source, MAX_TEMPLATE);
        } else if (config != null) {
            source = configFile;
            template = template(configFile, config.get("chat_template"));
        }
        if (template == null) {
            throw new CheckpointException(
                    folder + ": has no chat template (neither a file chat_template.jinja nor a field chat_template in "
                            + CONFIG + "); give a raw prompt or token ids instead of chat messages");
        }
        if (template.length() > MAX_TEMPLATE) {
            throw new CheckpointException(source + ": field chat_template has " + template.length()
                    + " chars: must have at most " + MAX_TEMPLATE);
        }
        try {
            Path file = source;
            String text = template;
            return new ChatTemplate(
                    TemporaryProperties.during(() -> new TemplateEngine(file, text)), Map.copyOf(tokens));
        } catch (LinkageError e) {
            throw new TextUnavailableException(
                    "chat templates need com.hubspot.jinjava:jinjava:2.8.4 and its dependencies on the class path (missing: "
                            + e.getMessage()
                            + "). Add that Maven artifact, or give token ids instead of chat messages.",
                    e);
        }
    }

    /**
     * Renders a chat.
     *
     * @param messages the chat, oldest first
     * @param addGenerationPrompt whether the text ends with the header of an assistant's message, which the model then
     *     writes
     * @return the text to encode
     * @throws IllegalArgumentException if the template rejects the messages (its {@code raise_exception}), with its
     *     reason
     * @throws CheckpointException if the template is malformed, uses what is not supported, or passes a limit; names
     *     file and line
     */
    public String render(List<ChatMessage> messages, boolean addGenerationPrompt) {
        Objects.requireNonNull(messages, "messages");
        return engine.render(messages, addGenerationPrompt, specialTokens);
    }

    private static @Nullable JsonNode read(Path file) {
        if (!Files.isRegularFile(file)) {
            return null;
        }
        return TextFiles.object(file, TextFiles.utf8(file, TextFiles.MAX_CONFIG_BYTES));
    }

    private static void readTokens(Path file, JsonNode object, Map<String, String> tokens) {
        for (String name : SPECIAL_TOKENS) {
            JsonNode value = object.get(name);
            if (value == null || value.isNull()) {
                continue;
            }
            JsonNode content = value.isObject() ? value.get("content") : value;
            if (content == null || !content.isTextual()) {
                throw new CheckpointException(file + ": field " + name
                        + ": must be a string or an object with a string \"content\", is " + TextFiles.kind(value));
            }
            tokens.put(name, content.textValue());
        }
    }

    private static @Nullable String template(Path file, @Nullable JsonNode value) {
        if (value == null || value.isNull()) {
            return null;
        }
        if (value.isTextual()) {
            return value.textValue();
        }
        if (!value.isArray()) {
            throw new CheckpointException(
                    file + ": field chat_template: must be a string or a list of {name, template}, is "
                            + TextFiles.kind(value));
        }
        for (JsonNode named : value) {
            JsonNode template = named.get("template");
            if (named.path("name").asText().equals("default") && template != null && template.isTextual()) {
                return template.textValue();
            }
        }
        throw new CheckpointException(
                file + ": field chat_template: a list that has no {\"name\": \"default\", \"template\": a string}");
    }
}
