package dev.sparsed.bench;

import dev.sparsed.CheckpointException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URL;
import java.net.URLConnection;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The model that comes with the command: 7,475,456 parameters of LLaDA's architecture as a Hugging Face folder, 15 MB. A checkpoint has to
 * lie in files to be mapped, so from a jar the folder is unpacked into a temporary one that only this user can read, and that is deleted on
 * {@link #close}; where the resources lie in files already, they are used in place.
 */
public final class DemoModel implements AutoCloseable {

    private static final String RESOURCES = "demo-model/";

    private static final List<String> FILES = List.of(
            "README.md",
            "config.json",
            "generation_config.json",
            "model.safetensors",
            "special_tokens_map.json",
            "tokenizer.json",
            "tokenizer_config.json");

    private static final String TASKS = "tasks.jsonl";

    private final Path folder;
    private final boolean temporary;

    private DemoModel(Path folder, boolean temporary) {
        this.folder = folder;
        this.temporary = temporary;
    }

    /**
     * Makes the model's folder available.
     *
     * @return the model's folder; the caller closes it, after every model loaded from it
     * @throws CheckpointException if a file is missing from the class path or came out of the jar incomplete
     * @throws UncheckedIOException if the temporary folder cannot be written
     */
    public static DemoModel open() {
        return open(DemoModel.class::getResource);
    }

    /** Finds a resource by its name relative to this class. */
    @FunctionalInterface
    interface Resources {
        /**
         * Finds it.
         *
         * @param name such as {@code demo-model/config.json}
         * @return where it lies, null if nowhere
         */
        @Nullable
        URL find(String name);
    }

    /**
     * As {@link #open()}, from given resources.
     *
     * @param resources finds the files
     * @return the model's folder
     */
    static DemoModel open(Resources resources) {
        URL config = resources.find(RESOURCES + "config.json");
        if (config != null && config.getProtocol().equals("file")) {
            return new DemoModel(Path.of(URI.create(config.toString())).resolveSibling(""), false);
        }
        Path folder = null;
        try {
            folder = Files.createTempDirectory("sparsed-demo-model-");
            for (String file : FILES) {
                copy(resources.find(RESOURCES + file), file, folder);
            }
            return new DemoModel(folder, true);
        } catch (IOException | RuntimeException e) {
            if (folder != null) {
                delete(folder);
            }
            if (e instanceof RuntimeException unchecked) {
                throw unchecked;
            }
            throw new UncheckedIOException(
                    "cannot unpack the demo model into " + System.getProperty("java.io.tmpdir") + ": " + e.getMessage()
                            + " (-Djava.io.tmpdir=FOLDER names another place)",
                    (IOException) e);
        }
    }

    private static void copy(@Nullable URL resource, String file, Path folder) throws IOException {
        if (resource == null) {
            throw new CheckpointException(
                    "demo model: " + file + " is not on the class path; build sparsed-bench again");
        }
        URLConnection connection = resource.openConnection();
        connection.setUseCaches(false); // else the jar stays open as long as the JVM lives
        try (InputStream in = connection.getInputStream()) {
            long expected = connection.getContentLengthLong();
            long found = Files.copy(in, folder.resolve(file));
            if (expected >= 0 && found != expected) {
                throw new CheckpointException("demo model: " + file + " has " + found + " bytes instead of " + expected
                        + "; the jar is damaged, build it again");
            }
        }
    }

    /** {@return the Hugging Face folder} */
    public Path folder() {
        return folder;
    }

    /**
     * Opens the tasks the model was trained for, one JSON object per line.
     *
     * @return the bytes; the caller closes them
     * @throws CheckpointException if they are missing from the class path
     */
    public static InputStream tasks() {
        InputStream tasks = DemoModel.class.getResourceAsStream(RESOURCES + TASKS);
        if (tasks == null) {
            throw new CheckpointException(
                    "demo model: " + TASKS + " is not on the class path; build sparsed-bench again");
        }
        return tasks;
    }

    /** Deletes the temporary folder, if there is one. Closing twice does nothing. */
    @Override
    public void close() {
        if (temporary) {
            delete(folder);
        }
    }

    private static void delete(Path folder) {
        try {
            for (String file : FILES) {
                Files.deleteIfExists(folder.resolve(file));
            }
            Files.deleteIfExists(folder);
        } catch (NoSuchFileException e) {
            // somebody cleaned up before
        } catch (IOException e) {
            throw new UncheckedIOException("cannot delete " + folder + ": " + e.getMessage(), e);
        }
    }
}
