package dev.sparsed.cuda;

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

/** The PTX in the resources was compiled from the sources as they are: {@code src/main/cuda/build.sh} records what it compiled. */
class KernelFreshnessTest {

    private static final Path SOURCES = Path.of("src/main/cuda");
    private static final Path COMPILED = Path.of("src/main/resources/dev/sparsed/cuda/internal/kernel");

    @Test
    void theKernelsWereCompiledFromTheseSources() throws IOException, NoSuchAlgorithmException {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        for (Path source : Stream.of(".cu", ".cuh", "build.sh")
                .flatMap(ending -> files(SOURCES, ending).stream())
                .toList()) {
            digest.update(Files.readAllBytes(source));
        }
        assertThat(Files.readString(COMPILED.resolve("sources.sha256")).strip())
                .as("src/main/cuda has changed: run sparsed-cuda/src/main/cuda/build.sh (needs nvcc)")
                .isEqualTo(HexFormat.of().formatHex(digest.digest()));
    }

    @Test
    void everySourceHasItsKernels() {
        assertThat(files(SOURCES, ".cu")).isNotEmpty().allSatisfy(source -> {
            String name = source.getFileName().toString().replace(".cu", "");
            assertThat(Stream.of(".ptx", ".cubin").map(ending -> COMPILED.resolve(name + ending)))
                    .anyMatch(Files::exists);
        });
    }

    private static List<Path> files(Path folder, String ending) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(file -> file.getFileName().toString().endsWith(ending))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
