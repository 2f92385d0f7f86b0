package dev.sparsed.text;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sparsed.CheckpointException;
import dev.sparsed.internal.checkpoint.JsonFiles;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Reads the text files of a checkpoint folder. Their content is not trusted: size and nesting are bounded. */
final class TextFiles {

    /** Bytes of a tokenizer.json: the largest in public use (vocabulary of 262,144) have 33 MB. */
    static final int MAX_TOKENIZER_BYTES = 128 << 20;

    /** Bytes of any other file: the largest tokenizer_config.json in public use have 1.2 MB (thousands of reserved tokens). */
    static final int MAX_CONFIG_BYTES = 16 << 20;

    private TextFiles() {}

    /**
     * Reads a file whole.
     *
     * @param file what to read
     * @param limit largest size in bytes
     * @return its bytes
     * @throws CheckpointException if it cannot be read or is larger than {@code limit}
     */
    static byte[] bytes(Path file, int limit) {
        try (InputStream in = Files.newInputStream(file)) {
            byte[] bytes = in.readNBytes(limit + 1);
            if (bytes.length > limit) {
                throw new CheckpointException(
                        file + ": larger than " + limit + " bytes, the most that is read of such a file");
            }
            return bytes;
        } catch (IOException e) {
            throw new CheckpointException(file + ": cannot be read: " + e, e);
        }
    }

    /**
     * Decodes UTF-8.
     *
     * @param file where the bytes are from, for messages
     * @param bytes the text
     * @return the text, without a byte order mark
     * @throws CheckpointException if it is not UTF-8
     */
    static String utf8(Path file, byte[] bytes) {
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
