package dev.sparsed.internal.amx;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The library in the resources was compiled from the sources as they are: {@code src/main/c/build.sh} records what it compiled. */
class KernelFreshnessTest {

    private static final Path SOURCES = Path.of("src/main/c");
    private static final Path COMPILED = Path.of("src/main/resources/dev/sparsed/internal/amx");

    @Test
    void theKernelsWereCompiledFromTheseSources() throws IOException, NoSuchAlgorithmException {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        for (String ending : List.of(".c", ".h", "build.sh")) {
            try (Stream<Path> files = Files.list(SOURCES)) {
                for (Path file : files.filter(file -> file.toString().endsWith(ending))
                        .sorted()
                        .toList()) {
                    digest.update(Files.readAllBytes(file));
                }
            }
        }
        assertThat(Files.readString(COMPILED.resolve("sources.sha256")).strip())
                .as("src/main/c has changed: run sparsed-core/src/main/c/build.sh (needs gcc)")
                .isEqualTo(HexFormat.of().formatHex(digest.digest()));
        assertThat(COMPILED.resolve("libsparsed_amx.so")).isNotEmptyFile();
    }
}
