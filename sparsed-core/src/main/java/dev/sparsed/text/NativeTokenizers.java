package dev.sparsed.text;

import ai.djl.huggingface.tokenizers.jni.LibUtils;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import org.jspecify.annotations.Nullable;

/**
 * The one place that loads DJL's binding of Hugging Face's tokenizers (Rust).
 *
 * <p>The binding's native layer is called directly, not through {@code HuggingFaceTokenizer}: that class sends
 * telemetry from Amazon's machines when it is created, and truncates at 512 tokens unless told otherwise.
 */
final class NativeTokenizers {

    private static final String COORDINATES = "ai.djl.huggingface:tokenizers:0.38.0";

    private static boolean loaded;
    private static @Nullable TextUnavailableException failure;

    private NativeTokenizers() {}

    /**
     * Loads the native library at the first call.
     *
     * <p>Offline: see {@link TemporaryProperties}.
     *
     * @throws TextUnavailableException if the classes or the native library are not there; at every call again
     */
    static synchronized void load() {
        if (failure != null) {
            throw new TextUnavailableException(String.valueOf(failure.getMessage()), failure);
        }
        if (loaded) {
            return;
        }
        try {
            loaded = TemporaryProperties.during(Binding::check);
        } catch (NoClassDefFoundError e) {
            failure = new TextUnavailableException(
                    "text needs " + COORDINATES + " and its dependencies on the class path (missing: " + e.getMessage()
                            + "). Add that Maven artifact, or work with token ids, which need no text library.",
                    e);
        } catch (LinkageError | RuntimeException | AssertionError e) { // AssertionError: DJL finds no platform
            failure = new TextUnavailableException(
                    "the native library of " + COORDINATES + " cannot be loaded: " + rootCause(e)
                            + ". DJL unpacks it into the folder named by ENGINE_CACHE_DIR or DJL_CACHE_DIR (environment variable or"
                            + " system property; else .djl.ai in the home folder, else in java.io.tmpdir): point ENGINE_CACHE_DIR to a"
                            + " folder that can be written and that may hold executable code, or RUST_LIBRARY_PATH to a folder that"
                            + " already holds the library. It exists for Linux x86_64 and aarch64 (glibc), macOS aarch64 and"
                            + " Windows x86_64. Token ids need no text library.",
                    e);
        }
        if (failure != null) {
            throw failure;
        }
    }

    private static Throwable rootCause(Throwable e) {
        Throwable cause = e;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause;
    }

    /** Holds what refers to DJL, so that this class loads without it. */
    private static final class Binding {

        static boolean check() {
            LibUtils.checkStatus();
            return TokenizersLibrary.LIB != null; // touches the class, so that it is initialised here
        }
    }
}
