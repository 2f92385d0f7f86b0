package dev.sparsed.natives;

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
import java.util.HexFormat;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A private folder of native libraries taken out of jars, each in a folder named by its SHA-256. A file is compared with its sum before
 * every use and replaced when it differs, written beside its place and moved there atomically: another process never sees half of one, and
 * another user can never put one there, because the folders are the user's alone (0700).
 */
public final class NativeCache {

    private final Path root;
    private final String property;

    /**
     * A cache in some folder.
     *
     * @param root the folder; made where it is not there
     * @param property the system property by which users name another, for messages
     */
    public NativeCache(Path root, String property) {
        this.root = root.toAbsolutePath();
        this.property = property;
    }

    /**
     * The user's cache: what a system property names, else {@code $XDG_CACHE_HOME/sparsed}, else {@code ~/.cache/sparsed}.
     *
     * @param property the property's name
     * @return the cache
     */
    public static NativeCache ofUser(String property) {
        return of(property, System.getProperty(property), System.getenv(), System.getProperty("user.home", ""));
    }

    static NativeCache of(String property, @Nullable String value, Map<String, String> environment, String home) {
        if (value != null && !value.isBlank()) {
            return new NativeCache(Path.of(value), property);
        }
        String xdg = environment.getOrDefault("XDG_CACHE_HOME", "");
        // The specification of XDG_CACHE_HOME: a relative path is to be ignored.
        Path cache = !xdg.isEmpty() && Path.of(xdg).isAbsolute() ? Path.of(xdg) : Path.of(home, ".cache");
        return new NativeCache(cache.resolve("sparsed"), property);
    }

    /**
     * Makes sure that a library lies in its folder, whole and unchanged.
     *
     * @param owner a class of the jar that holds the library
     * @param resource the library's name in the jar, from the root if it begins with a slash, else beside the class
     * @return the file, absolute
     * @throws BackendUnavailableException if the jar has no such library or the folder cannot be written
     */
    public Path extract(Class<?> owner, String resource) {
        byte[] library = read(owner, resource);
        String sum = sha256(library);
        Path folder = root.resolve(sum);
        Path file = folder.resolve(resource.substring(resource.lastIndexOf('/') + 1));
        try {
            makePrivate(root);
            makePrivate(folder);
            if (!isWhole(file, sum)) {
                replace(file, library);
                if (!isWhole(file, sum)) {
                    throw new IOException("what was written does not read back the same");
                }
            }
            return file;
        } catch (IOException | UnsupportedOperationException e) {
            throw unusable(folder, e);
        }
    }

    private static byte[] read(Class<?> owner, String resource) {
        try (InputStream in = owner.getResourceAsStream(resource)) {
            if (in == null) {
                throw new BackendUnavailableException("the native library " + resource + " is missing from the jar of "
                        + owner.getName() + ": take one that is whole");
            }
            return in.readAllBytes();
        } catch (IOException e) {
            throw new BackendUnavailableException(
                    "the native library " + resource + " cannot be read from its jar: " + e);
        }
    }

    private BackendUnavailableException unusable(Path folder, Exception cause) {
        BackendUnavailableException e = new BackendUnavailableException("the folder for native libraries, " + folder
                + ", cannot be used (" + cause + "): name a folder of your own with -D" + property + "=/path");
        e.initCause(cause);
        return e;
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

    private static boolean isWhole(Path file, String sum) throws IOException {
        return Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)
                && sha256(Files.readAllBytes(file)).equals(sum);
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
