package dev.sparsed.internal.amx;

import dev.sparsed.BackendUnavailableException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A private folder (0700) that holds the native library, in a folder named by its SHA-256. The file is compared with the jar's before
 * every use and replaced, atomically, where it differs.
 */
final class LibraryCache {

    /** The system property that overrides the folder. */
    static final String PROPERTY = "sparsed.amx.cache";

    private final Path root;

    LibraryCache(Path root) {
        this.root = root.toAbsolutePath();
    }

    /**
     * The user's cache: {@value #PROPERTY}, else {@code $XDG_CACHE_HOME/sparsed}, else {@code ~/.cache/sparsed}.
     *
     * @param property the property's value
     * @param environment the environment variables
     * @param home the user's folder
     * @return the cache
     */
    static LibraryCache of(@Nullable String property, Map<String, String> environment, String home) {
        if (property != null && !property.isBlank()) {
            return new LibraryCache(Path.of(property));
        }
        String xdg = environment.getOrDefault("XDG_CACHE_HOME", "");
        // The specification of XDG_CACHE_HOME: a relative path is to be ignored.
        Path cache = !xdg.isEmpty() && Path.of(xdg).isAbsolute() ? Path.of(xdg) : Path.of(home, ".cache");
        return new LibraryCache(cache.resolve("sparsed"));
    }

    /**
     * Makes sure that the library lies in its folder, whole and unchanged.
     *
     * @param resource its name beside this class
     * @return the file
     * @throws BackendUnavailableException if it is not in the jar or the folder cannot be used
     */
    Path extract(String resource) {
        Path folder = root;
        try (InputStream in = LibraryCache.class.getResourceAsStream(resource)) {
            if (in == null) {
                throw new BackendUnavailableException(resource + " is missing from sparsed-core's jar");
            }
            byte[] library = in.readAllBytes();
            folder = root.resolve(sha256(library));
            Path file = folder.resolve(resource);
            makePrivate(root);
            makePrivate(folder);
            if (!holds(file, library)) {
                replace(file, library);
                if (!holds(file, library)) {
                    throw new IOException("what was written does not read back the same");
                }
            }
            return file;
        } catch (IOException | UnsupportedOperationException e) {
            BackendUnavailableException unusable = new BackendUnavailableException("the folder for native libraries, "
                    + folder + ", cannot be used (" + e + "): name a folder of your own with -D" + PROPERTY + "=/path");
            unusable.initCause(e);
            throw unusable;
        }
    }

    private static void makePrivate(Path folder) throws IOException {
        if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
            if (folder.getParent() != null) {
                Files.createDirectories(folder.getParent());
            }
            try {
                Files.createDirectory(
                        folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            } catch (FileAlreadyExistsException e) {
                if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
                    throw e; // a file or a link lies there; a folder is another thread's, made just now
                }
            }
        }
        // Only the owner may do this: where it fails the folder is somebody else's.
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
    }

    private static boolean holds(Path file, byte[] library) throws IOException {
        return Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS) && Arrays.equals(Files.readAllBytes(file), library);
    }

    private static void replace(Path file, byte[] library) throws IOException {
        Path written = Files.createTempFile(file.getParent(), "new", ".tmp"); // 0600
        try {
            Files.write(written, library);
            Files.move(written, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(written);
        }
    }

    private static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }
}
