package dev.sparsed.text;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sparsed.CheckpointException;
import dev.sparsed.internal.checkpoint.JsonFiles;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** The text files of a checkpoint folder. Their content is not trusted: size and nesting are bounded. */
final class TextFiles {

    /** Bytes of a tokenizer.json: the largest in public use (vocabulary of 262,144) have 33 MB. */
    static final int MAX_TOKENIZER_BYTES = 128 << 20;

    /**
     * Bytes of any other file: the largest tokenizer_config.json in public use have 1.2 MB (thousands of reserved
     * tokens).
     */
    static final int MAX_CONFIG_BYTES = 16 << 20;

    private TextFiles() {}

    /**
     * Reads a file whole and decodes it.
     *
     * @param file a file of UTF-8 text
     * @param limit most bytes it may have
     * @return the text, without a byte order mark
     * @throws CheckpointException if it cannot be read, is larger, or is not UTF-8
     */
    static String utf8(Path file, int limit) {
        byte[] bytes = JsonFiles.bytes(file, limit);
        try {
            String text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
            return text.startsWith("\uFEFF") ? text.substring(1) : text;
        } catch (CharacterCodingException e) {
            throw new CheckpointException(file + ": not UTF-8 text", e);
        }
    }

    /**
     * Parses a JSON object.
     *
     * @param file where the text is from, for messages
     * @param text the JSON
     * @return the object
     * @throws CheckpointException if it is not one well-formed JSON object within the bounds of {@link JsonFiles}
     */
    static JsonNode object(Path file, String text) {
        JsonNode root = JsonFiles.parse(file, text);
        if (!root.isObject()) {
            throw new CheckpointException(file + ": must hold a JSON object, has " + kind(root));
        }
        return root;
    }

    /**
     * Says what a node is, for messages.
     *
     * @param node a node or null
     * @return for example "a string"
     */
    static String kind(@Nullable JsonNode node) {
        return node == null ? "nothing" : "a JSON " + node.getNodeType().name().toLowerCase(Locale.ROOT);
    }
}
