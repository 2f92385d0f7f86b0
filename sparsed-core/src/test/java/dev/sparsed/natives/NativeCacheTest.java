package dev.sparsed.natives;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sparsed.BackendUnavailableException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

@DisabledOnOs(value = OS.WINDOWS, disabledReason = "the permissions are not Windows's")
class NativeCacheTest {

    private static final String RESOURCE = "/dev/sparsed/internal/amx/libsparsed_amx.so"; // any file will do
    private static final String PROPERTY = "some.property";

    @TempDir
    private Path folder;

    @Test
    void extractsWhatTheJarHolds() throws IOException, NoSuchAlgorithmException {
        Path file = new NativeCache(folder.resolve("cache"), PROPERTY).extract(NativeCacheTest.class, RESOURCE);
        assertThat(file).isAbsolute().hasFileName("libsparsed_amx.so").hasBinaryContent(original());
        assertThat(file.getParent().getFileName()).hasToString(sha256(original()));
        assertThat(filesBeside(file)).containsExactly(file);
    }

    @Test
    void isTheUsersAlone() throws IOException {
        Path root = folder.resolve("cache");
        Path file = new NativeCache(root, PROPERTY).extract(NativeCacheTest.class, RESOURCE);
        assertThat(permissions(root)).isEqualTo("rwx------");
        assertThat(permissions(file.getParent())).isEqualTo("rwx------");
        assertThat(permissions(file)).isEqualTo("rw-------");
    }

    @Test
    void closesAFolderThatWasOpenToOthers() throws IOException {
        Path root = Files.createDirectory(folder.resolve("cache"));
        Files.setPosixFilePermissions(root, PosixFilePermissions.fromString("rwxrwxrwx"));
        new NativeCache(root, PROPERTY).extract(NativeCacheTest.class, RESOURCE);
        assertThat(permissions(root)).isEqualTo("rwx------");
    }

    @Test
    void keepsAGoodFile() throws IOException {
        NativeCache cache = new NativeCache(folder, PROPERTY);
        Path file = cache.extract(NativeCacheTest.class, RESOURCE);
        Object before = Files.readAttributes(file, "unix:ino").get("ino");
        assertThat(cache.extract(NativeCacheTest.class, RESOURCE)).isEqualTo(file);
        assertThat(Files.readAttributes(file, "unix:ino").get("ino")).isEqualTo(before);
    }

    @Test
    void replacesABrokenFile() throws IOException {
        NativeCache cache = new NativeCache(folder, PROPERTY);
        Path file = cache.extract(NativeCacheTest.class, RESOURCE);
        byte[] half = Arrays.copyOf(original(), original().length / 2);
        Files.write(file, half);
        assertThat(cache.extract(NativeCacheTest.class, RESOURCE)).hasBinaryContent(original());
        byte[] changed = original();
        changed[changed.length / 2] ^= 1;
        Files.write(file, changed);
        assertThat(cache.extract(NativeCacheTest.class, RESOURCE)).hasBinaryContent(original());
        assertThat(filesBeside(file)).containsExactly(file);
    }

    @Test
    void doesNotFollowALinkPutInItsPlace() throws IOException {
        NativeCache cache = new NativeCache(folder, PROPERTY);
        Path file = cache.extract(NativeCacheTest.class, RESOURCE);
        Path elsewhere = Files.write(folder.resolve("elsewhere"), original());
        Files.delete(file);
        Files.createSymbolicLink(file, elsewhere);
        cache.extract(NativeCacheTest.class, RESOURCE);
        assertThat(Files.isSymbolicLink(file)).isFalse();
        assertThat(file).hasBinaryContent(original());
    }

    @Test
    void servesManyAtOnce() throws Exception {
        for (int round = 0; round < 20; round++) {
            NativeCache cache = new NativeCache(folder.resolve("round" + round), PROPERTY);
            if (round % 2 == 1) {
                Files.write(cache.extract(NativeCacheTest.class, RESOURCE), new byte[10]);
            }
            try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
                List<Callable<byte[]>> tasks = new ArrayList<>();
                for (int i = 0; i < 8; i++) {
                    tasks.add(() -> Files.readAllBytes(cache.extract(NativeCacheTest.class, RESOURCE)));
                }
                for (Future<byte[]> result : threads.invokeAll(tasks)) {
                    assertThat(result.get()).isEqualTo(original());
                }
            }
        }
    }

    @Test
    void saysThatTheJarIsMissing() {
        assertThatThrownBy(() -> new NativeCache(folder, PROPERTY).extract(NativeCacheTest.class, "/lib/nothing.so"))
                .isInstanceOf(BackendUnavailableException.class)
                .hasMessageContainingAll("/lib/nothing.so", NativeCacheTest.class.getName());
    }

    @Test
    void saysHowToUseAnotherFolder() throws IOException {
        Path file = Files.write(folder.resolve("file"), new byte[1]);
        assertThatThrownBy(
                        () -> new NativeCache(file.resolve("cache"), PROPERTY).extract(NativeCacheTest.class, RESOURCE))
                .isInstanceOf(BackendUnavailableException.class)
                .hasMessageContaining("-Dsome.property=/path");
    }

    @Test
    void liesWhereTheUserSays() throws IOException {
        Path home = folder.resolve("home");
        Path property = folder.resolve("property");
        Path xdg = folder.resolve("xdg");
        Map<String, String> environment = Map.of("XDG_CACHE_HOME", xdg.toString());
        assertThat(extractIn(NativeCache.of(PROPERTY, property.toString(), environment, home.toString())))
                .startsWith(property);
        assertThat(extractIn(NativeCache.of(PROPERTY, null, environment, home.toString())))
                .startsWith(xdg.resolve("sparsed"));
        assertThat(extractIn(NativeCache.of(PROPERTY, "", Map.of("XDG_CACHE_HOME", "relative"), home.toString())))
                .startsWith(home.resolve(".cache/sparsed"));
    }

    private static Path extractIn(NativeCache cache) {
        return cache.extract(NativeCacheTest.class, RESOURCE);
    }

    private static String sha256(byte[] bytes) throws NoSuchAlgorithmException {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    }

    private static byte[] original() throws IOException {
        try (InputStream in = NativeCacheTest.class.getResourceAsStream(RESOURCE)) {
            return in.readAllBytes();
        }
    }

    private static String permissions(Path path) throws IOException {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
    }

    private static List<Path> filesBeside(Path file) throws IOException {
        try (Stream<Path> files = Files.list(file.getParent())) {
            return files.toList();
        }
    }
}
