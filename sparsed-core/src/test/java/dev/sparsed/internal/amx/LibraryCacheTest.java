package dev.sparsed.internal.amx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sparsed.BackendUnavailableException;
import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LibraryCacheTest {

    private static final String LIBRARY = "libsparsed_amx.so";

    @TempDir
    private Path folder;

    @BeforeEach
    void onlyWhereFilesHaveOwners() {
        assumeTrue(FileSystems.getDefault().supportedFileAttributeViews().contains("posix"));
    }

    @Test
    void replacesWhatIsNotTheLibrary() throws IOException {
        LibraryCache cache = new LibraryCache(folder.resolve("cache"));
        Path file = cache.extract(LIBRARY);
        byte[] library = Files.readAllBytes(file);
        Files.writeString(file, "something else");
        assertThat(cache.extract(LIBRARY)).isEqualTo(file).hasBinaryContent(library);
        assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file.getParent())))
                .isEqualTo("rwx------");
    }

    @Test
    void neverFollowsALinkInItsPlace() throws IOException {
        LibraryCache cache = new LibraryCache(folder.resolve("cache"));
        Path file = cache.extract(LIBRARY);
        Path other = Files.copy(file, folder.resolve("other.so"));
        Files.delete(file);
        Files.createSymbolicLink(file, other);
        assertThat(Files.isSymbolicLink(cache.extract(LIBRARY))).isFalse();
    }

    @Test
    void saysWhatToDoWhereItCannotWrite() throws IOException {
        Path occupied = Files.writeString(folder.resolve("file"), "");
        assertThatThrownBy(() -> new LibraryCache(occupied).extract(LIBRARY))
                .isInstanceOf(BackendUnavailableException.class)
                .hasMessageContaining(occupied.toString())
                .hasMessageContaining("-Dsparsed.amx.cache=");
    }

    @Test
    void liesWhereTheUserSaysOrInTheUsersCache() {
        Path home = folder.resolve("home");
        LibraryCache named = LibraryCache.of(folder.resolve("named").toString(), Map.of(), home.toString());
        assertThat(named.extract(LIBRARY)).startsWith(folder.resolve("named"));
        LibraryCache xdg = LibraryCache.of(
                null, Map.of("XDG_CACHE_HOME", folder.resolve("xdg").toString()), home.toString());
        assertThat(xdg.extract(LIBRARY)).startsWith(folder.resolve("xdg/sparsed"));
        LibraryCache users = LibraryCache.of("", Map.of("XDG_CACHE_HOME", "relative"), home.toString());
        assertThat(users.extract(LIBRARY)).startsWith(home.resolve(".cache/sparsed"));
    }
}
