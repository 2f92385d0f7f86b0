package dev.sparsed.text;

import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import com.fasterxml.jackson.databind.JsonNode;
import dev.sparsed.CheckpointException;
import java.lang.ref.Cleaner;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * Text to token ids and back, as the checkpoint's {@code tokenizer.json} (or {@code vocab.json} and {@code merges.txt})
 * says, through Hugging Face's own tokenizers library.
 *
 * <p>Nothing is fetched from a network: while the native library loads, the system property {@code RUST_FLAVOR} is
 * {@code cpu} if the application has set neither it nor the environment variable of that name; it is removed again
 * afterwards. The library is unpacked into DJL's cache folder (environment variable or system property
 * {@code ENGINE_CACHE_DIR} or {@code DJL_CACHE_DIR}; else {@code .djl.ai} in the home folder).
 *
 * <p>Safe for use by several threads at once. Holds native memory until it is closed.
 */
public final class Tokenizer implements AutoCloseable {

    /**
     * Longest text in chars that is encoded. 4 Mi chars are about a million tokens, eight times the longest context in
     * use, and cost about 1 GB of native memory while they are encoded; the native library ends the process when it
     * gets no memory.
     */
    private static final int MAX_TEXT = 1 << 22;

    private static final Cleaner CLEANER = Cleaner.create();

    private final Vocabulary vocabulary;
    private final long handle;
    private final Cleaner.Cleanable release;
    /** Read: the native tokenizer is in use. Write: it is being freed. */
    private final ReentrantReadWriteLock use = new ReentrantReadWriteLock();

    private boolean closed;

    private Tokenizer(Vocabulary vocabulary, long handle) {
        this.vocabulary = vocabulary;
        this.handle = handle;
        this.release = CLEANER.register(this, () -> TokenizersLibrary.LIB.deleteTokenizer(handle));
    }

    /**
     * Loads {@code tokenizer.json}, or failing that Qwen2's {@code vocab.json} and {@code merges.txt}, which Dream's
     * models have.
     *
     * @param folder the checkpoint's folder
     * @return the tokenizer, to be closed by the caller
     * @throws CheckpointException if the files are not there, malformed, or larger than 128 MiB
     * @throws TextUnavailableException if the tokenizers library is not on the class path or its native part cannot be
     *     loaded
     */
    public static Tokenizer load(Path folder) {
        Path fast = folder.resolve("tokenizer.json");
        Path file = fast;
        String json;
        JsonNode root;
        if (Files.isRegularFile(fast)) {
            json = TextFiles.utf8(file, TextFiles.MAX_TOKENIZER_BYTES);
            root = TextFiles.object(file, json);
        } else if (Qwen2Files.areIn(folder)) {
            file = folder.resolve("vocab.json");
            root = Qwen2Files.tokenizerJson(folder);
            json = root.toString();
        } else {
            throw new CheckpointException(folder
                    + ": has neither tokenizer.json nor vocab.json and merges.txt, so there is no text in or out; give and"
                    + " take token ids instead, or save the tokenizer in the fast format (Python: AutoTokenizer …"
                    + " save_pretrained)");
        }
        Vocabulary vocabulary = Vocabulary.read(file, root);
        NativeTokenizers.load();
        long handle;
        try {
            handle = TokenizersLibrary.LIB.createTokenizerFromString(json);
        } catch (RuntimeException e) {
            throw new CheckpointException(file + ": not a tokenizer: " + e.getMessage(), e);
        }
        Tokenizer tokenizer = new Tokenizer(vocabulary, handle);
        TokenizersLibrary.LIB.disableTruncation(handle); // the file may ask for either
        TokenizersLibrary.LIB.disablePadding(handle);
        return tokenizer;
    }

    /**
     * Encodes a text. Special tokens written in it are recognised; none is added, so a beginning-of-text token that a
     * chat template has written is not doubled. Nothing is cut or padded. A surrogate without its partner becomes
     * U+FFFD.
     *
     * @param text at most 4,194,304 chars
     * @return its token ids
     * @throws IllegalArgumentException if the text is too long or the tokenizer has no token for a part of it
     * @throws IllegalStateException if this tokenizer is closed
     */
    public int[] encode(String text) {
        Objects.requireNonNull(text, "text");
        if (text.length() > MAX_TEXT) {
            throw new IllegalArgumentException(
                    "text has " + text.length() + " chars: must be at most " + MAX_TEXT + "; encode it in parts");
        }
        begin();
        try {
            long encoding = TokenizersLibrary.LIB.encode(handle, wellFormed(text), false);
            try {
                long[] tokens = TokenizersLibrary.LIB.getTokenIds(encoding);
                int[] result = new int[tokens.length];
                for (int i = 0; i < result.length; i++) {
                    result[i] = Math.toIntExact(tokens[i]);
                }
                return result;
            } finally {
                TokenizersLibrary.LIB.deleteEncoding(encoding);
            }
        } catch (RuntimeException e) {
            throw new IllegalArgumentException("text cannot be encoded: " + e.getMessage(), e);
        } finally {
            end();
        }
    }

    /**
     * Decodes token ids. Bytes that are not UTF-8 (a character of which only a part is there) become U+FFFD. Spaces are
     * not cleaned up.
     *
     * @param tokens token ids of this tokenizer
     * @param skipSpecialTokens whether special tokens are left out of the text
     * @return the text
     * @throws IllegalArgumentException if an id is not in the vocabulary
     * @throws IllegalStateException if this tokenizer is closed
     */
    public String decode(int[] tokens, boolean skipSpecialTokens) {
        long[] ids = new long[tokens.length];
        for (int i = 0; i < ids.length; i++) {
            if (!vocabulary.contains(tokens[i])) {
                throw new IllegalArgumentException("tokens[" + i + "] = " + tokens[i]
                        + ": not in the tokenizer's vocabulary (its ids are in [0, " + vocabulary.limit() + "))");
            }
            ids[i] = tokens[i];
        }
        begin();
        try {
            return TokenizersLibrary.LIB.decode(handle, ids, skipSpecialTokens);
        } finally {
            end();
        }
    }

    /**
     * The text of what a model generates: without special tokens, masks among them, and without ids that stand for
     * nothing.
     *
     * @param tokens any ids
     * @return the text
     * @throws IllegalStateException if this tokenizer is closed
     */
    public String text(int[] tokens) {
        return decode(Arrays.stream(tokens).filter(this::contains).toArray(), true);
    }

    /**
     * Whether an id is in the vocabulary. A model may have more rows of logits than its tokenizer has tokens, and so
     * may generate ids that stand for nothing.
     *
     * @param id any number
     * @return whether it can be decoded
     */
    public boolean contains(int id) {
        return vocabulary.contains(id);
    }

    /**
     * Looks up one token.
     *
     * @param token as written in tokenizer.json, for example {@code <|eot_id|>}
     * @return its id, or empty if it is not one token
     */
    public OptionalInt tokenId(String token) {
        return vocabulary.id(Objects.requireNonNull(token, "token"));
    }

    /**
     * The text of one token, for showing a canvas token by token. Special tokens are written out. A token that holds
     * only a part of a character gives U+FFFD, so these texts do not always join to {@link #decode}'s.
     *
     * @param id a token id of this tokenizer
     * @return its text
     * @throws IllegalArgumentException if the id is not in the vocabulary
     * @throws IllegalStateException if this tokenizer is closed
     */
    public String token(int id) {
        return decode(new int[] {id}, false);
    }

    /** Frees the native tokenizer, once calls in other threads have ended. Further calls do nothing. */
    @Override
    public void close() {
        use.writeLock().lock();
        try {
            closed = true;
            release.clean();
        } finally {
            use.writeLock().unlock();
        }
    }

    private void begin() {
        use.readLock().lock();
        if (closed) {
            use.readLock().unlock();
            throw new IllegalStateException("the tokenizer is closed");
        }
    }

    private void end() {
        use.readLock().unlock();
        java.lang.ref.Reference.reachabilityFence(this); // the cleaner must not free what is in use
    }

    /** The text with every surrogate that has no partner replaced: the native side cannot hold one. */
    private static String wellFormed(String text) {
        StringBuilder copy = null;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (!Character.isSurrogate(c)) {
                continue;
            }
            if (Character.isHighSurrogate(c) && i + 1 < text.length() && Character.isLowSurrogate(text.charAt(i + 1))) {
                i++;
                continue;
            }
            if (copy == null) {
                copy = new StringBuilder(text);
            }
            copy.setCharAt(i, '\uFFFD');
        }
        return copy == null ? text : copy.toString();
    }
}
