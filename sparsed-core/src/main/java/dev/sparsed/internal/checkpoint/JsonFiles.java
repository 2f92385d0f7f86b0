package dev.sparsed.internal.checkpoint;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.sparsed.CheckpointException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.StringReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Reads the small JSON files of a checkpoint folder ({@code config.json}, the shard index, ...), which nobody has to
 * trust: strict UTF-8, one value per file, no duplicate field, and bounds on size, nesting, tokens, names, strings and
 * numbers, so that a hostile file costs a bounded amount of time and memory.
 */
public final class JsonFiles {

    /** Largest file that is read, in bytes: 64 MiB. */
    static final int MAX_BYTES = 64 << 20;

    /** Deepest nesting of objects and arrays. Real files use 3 levels. */
    static final int MAX_DEPTH = 64;

    /**
     * Most tokens in a file: a tree of them takes about 300 MB. The shard index of a model of 100,000 tensors has
     * 200,000, a tokenizer with a vocabulary of 262,144 and its merges 2.6 million.
     */
    static final int MAX_TOKENS = 3_000_000;

    /** Longest name, in characters: a token of a vocabulary is one. */
    private static final int MAX_NAME = 1 << 16;

    private static final int MAX_NUMBER = 64;
    private static final int MAX_QUOTED = 160;

    private static final JsonMapper MAPPER = JsonMapper.builder(factory(MAX_DEPTH, MAX_TOKENS))
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY)
            .build();

    private JsonFiles() {}

    /**
     * Reads a file.
     *
     * @param file a regular file of at most 64 MiB that holds one JSON value in UTF-8
     * @return that value
     * @throws CheckpointException if the file is missing, unreadable, too large or malformed; it names the file,
     *     and line and column
     */
    public static JsonNode read(Path file) {
        return parse(file, bytes(file, MAX_BYTES));
    }

    /**
     * Reads a file whole.
     *
     * @param file a regular file
     * @param limit most bytes it may have
     * @return its bytes
     * @throws CheckpointException if the file is missing, unreadable or too large; it names the file
     */
    public static byte[] bytes(Path file, int limit) {
        if (!Files.isRegularFile(file)) {
            throw new CheckpointException(file + ": " + (Files.exists(file) ? "is not a file" : "no such file"));
        }
        try (InputStream in = Files.newInputStream(file)) {
            byte[] content = in.readNBytes(limit + 1);
            if (content.length > limit) {
                throw new CheckpointException(
                        file + ": may have at most " + limit + " bytes, found " + size(file) + " bytes");
            }
            return content;
        } catch (IOException e) {
            throw new CheckpointException(file + ": cannot be read: " + e, e);
        }
    }

    /**
     * Parses the content of a file.
     *
     * @param file for messages
     * @param content one JSON value in UTF-8
     * @return that value
     * @throws CheckpointException if it is malformed
     */
    static JsonNode parse(Path file, byte[] content) {
        return parse(file, strictUtf8(new ByteArrayInputStream(content)));
    }

    /**
     * Parses a text.
     *
     * @param file where it is from, for messages
     * @param text one JSON value
     * @return that value
     * @throws CheckpointException if it is malformed
     */
    public static JsonNode parse(Path file, String text) {
        return parse(file, new StringReader(text));
    }

    private static JsonNode parse(Path file, Reader source) {
        try (Reader reader = source) {
            JsonNode node = MAPPER.readTree(reader);
            if (node.isMissingNode()) {
                throw new CheckpointException(file + ": expected JSON, found an empty file");
            }
            return node;
        } catch (CharacterCodingException e) {
            throw new CheckpointException(file + ": expected JSON in UTF-8, found bytes that are not UTF-8", e);
        } catch (JsonProcessingException e) {
            String place = e.getLocation() == null
                    ? ""
                    : " at line " + e.getLocation().getLineNr() + ", column "
                            + e.getLocation().getColumnNr();
            throw new CheckpointException(file + ": malformed JSON" + place + ": " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw new CheckpointException(file + ": cannot be read: " + e, e);
        }
    }

    /**
     * A parser factory for untrusted input: duplicates rejected, names neither interned nor kept in a shared symbol
     * table (whose defence against colliding names is an unchecked exception).
     *
     * @param depth deepest nesting
     * @param tokens most tokens in a document
     * @return the factory
     */
    static JsonFactory factory(int depth, long tokens) {
        return JsonFactory.builder()
                .streamReadConstraints(StreamReadConstraints.builder()
                        .maxNestingDepth(depth)
                        .maxTokenCount(tokens)
                        .maxNameLength(MAX_NAME)
                        .maxNumberLength(MAX_NUMBER)
                        .build())
                .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
                .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
                .build();
    }

    /**
     * A reader that throws {@link CharacterCodingException} at the first byte that is not UTF-8. (Given bytes, Jackson
     * would also guess UTF-16 and UTF-32.)
     *
     * @param in bytes
     * @return their characters
     */
    static Reader strictUtf8(InputStream in) {
        return new InputStreamReader(
                in,
                StandardCharsets.UTF_8
                        .newDecoder()
                        .onMalformedInput(CodingErrorAction.REPORT)
                        .onUnmappableCharacter(CodingErrorAction.REPORT));
    }

    /**
     * A name from untrusted input, fit for a message: in quotes, without control characters, at most 160 characters.
     *
     * @param name any text
     * @return what to print
     */
    public static String quoted(String name) {
        String head = name.length() > MAX_QUOTED ? name.substring(0, MAX_QUOTED) + "…" : name;
        StringBuilder text = new StringBuilder(head.length() + 2).append('\'');
        for (int i = 0; i < head.length(); i++) {
            char c = head.charAt(i);
            if (Character.isISOControl(c)) {
                text.append(String.format("\\u%04x", (int) c));
            } else {
                text.append(c);
            }
        }
        return text.append('\'').toString();
    }

    private static long size(Path file) {
        try {
            return Files.size(file);
        } catch (IOException e) {
            return MAX_BYTES + 1L; // read already: there is at least one more byte
        }
    }
}
