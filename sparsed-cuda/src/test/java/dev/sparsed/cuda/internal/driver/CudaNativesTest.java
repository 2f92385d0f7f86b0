package dev.sparsed.cuda.internal.driver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sparsed.BackendUnavailableException;
import dev.sparsed.natives.NativeCache;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** In a JVM of its own, since JCuda loads its natives once. Whether that works depends on the machine; where they lie does not. */
@EnabledOnOs(
        value = OS.LINUX,
        architectures = "amd64",
        disabledReason = "JCuda's natives exist for Linux on x86-64 only")
class CudaNativesTest {

    @TempDir
    private Path folder;

    @Test
    void loadsJCudaFromTheCacheAndPutsNothingElsewhere() throws Exception {
        Path temporary = Files.createDirectory(folder.resolve("tmp"));
        Path cache = folder.resolve("cache");
        String output = run(temporary, cache);
        assertThat(output.lines().filter(line -> line.startsWith("driver: ")))
                .singleElement()
                .asString()
                .satisfiesAnyOf(
                        line -> assertThat(line).isEqualTo("driver: loaded"),
                        line -> assertThat(line)
                                .contains("JCudaDriver", cache.toString(), "libcuda.so.1", "NVIDIA driver"));
        assertThat(output).contains("java.io.tmpdir: " + temporary);
        assertThat(files(temporary)).as("JCuda's own extraction").isEmpty();
        List<Path> extracted = files(cache);
        assertThat(extracted).hasSize(1);
        assertThat(extracted.getFirst().getFileName().toString())
                .startsWith("libJCudaDriver-")
                .endsWith(".so");
        assertThat(extracted.getFirst().getParent().getFileName())
                .hasToString(HexFormat.of()
                        .formatHex(
                                MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(extracted.getFirst()))));
    }

    @Test
    void saysThatTheJarIsMissing() {
        assertThatThrownBy(() -> CudaNatives.extract("JNothing", new NativeCache(folder, CudaNatives.CACHE_PROPERTY)))
                .isInstanceOf(BackendUnavailableException.class)
                .hasMessageContainingAll("JNothing", "org.jcuda:jcuda-natives", "linux-x86_64");
    }

    private static String run(Path temporary, Path cache) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:-UsePerfData",
                        "--enable-native-access=ALL-UNNAMED",
                        "-Djava.io.tmpdir=" + temporary,
                        "-D" + CudaNatives.CACHE_PROPERTY + "=" + cache,
                        "-cp",
                        System.getProperty("java.class.path"),
                        Loader.class.getName())
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(output).isZero();
        return output;
    }

    private static List<Path> files(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            return files.filter(Files::isRegularFile).toList();
        }
    }

    static final class Loader {
        public static void main(String[] arguments) {
            try {
                CudaNatives.loadDriver();
                System.out.println("driver: loaded");
            } catch (BackendUnavailableException e) {
                System.out.println("driver: " + e.getMessage());
            }
            System.out.println("java.io.tmpdir: " + System.getProperty("java.io.tmpdir"));
        }
    }
}
