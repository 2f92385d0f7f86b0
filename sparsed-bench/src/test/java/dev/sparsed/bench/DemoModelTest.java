package dev.sparsed.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sparsed.CheckpointException;
import dev.sparsed.DiffusionModel;
import dev.sparsed.LoadOptions;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.MalformedURLException;
import java.net.URI;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DemoModelTest {

    private static final Path RESOURCES = Path.of("src/main/resources/dev/sparsed/bench/demo-model");

    @TempDir
    private Path scratch;

    @Test
    void usesFilesInPlace() {
        Path folder;
        try (DemoModel demo = DemoModel.open()) {
            folder = demo.folder();
            assertThat(folder)
                    .isDirectoryContaining("glob:**/model.safetensors")
                    .endsWithRaw(Path.of("demo-model"));
        }
        assertThat(folder.resolve("config.json")).exists();
    }

    @Test
    void unpacksAJarAndDeletesWhatItUnpacked() throws IOException {
        Path jar = jar("config.json", "generation_config.json", "model.safetensors", "tokenizer.json");
        DemoModel demo = DemoModel.open(name -> inJar(jar, name));
        Path folder = demo.folder();
        try (demo;
                DiffusionModel model = DiffusionModel.load(folder, LoadOptions.DEFAULT.withBackend("scalar"))) {
            assertThat(folder.resolve("model.safetensors"))
                    .hasSameBinaryContentAs(RESOURCES.resolve("model.safetensors"));
            assertThat(model.info().layers()).isEqualTo(8);
            if (Files.getFileStore(folder).supportsFileAttributeView("posix")) {
                assertThat(Files.getPosixFilePermissions(folder)).hasSize(3); // the owner's
            }
        }
        assertThat(folder).doesNotExist();
        demo.close(); // a second time does nothing
    }

    @Test
    void saysWhatIsMissingAndLeavesNothingBehind() throws IOException {
        Path jar = jar("config.json");
        long before = unpacked();
        assertThatThrownBy(() -> DemoModel.open(name -> name.endsWith("tokenizer.json") ? null : inJar(jar, name)))
                .isInstanceOf(CheckpointException.class)
                .hasMessageContaining("tokenizer.json is not on the class path");
        assertThat(unpacked()).isEqualTo(before);
    }

    @Test
    void holdsItsTasks() throws IOException {
        try (InputStream tasks = DemoModel.tasks()) {
            assertThat(tasks.readAllBytes()).hasSize((int) Files.size(RESOURCES.resolve("tasks.jsonl")));
        }
    }

    private static long unpacked() throws IOException {
        try (Stream<Path> files = Files.list(Path.of(System.getProperty("java.io.tmpdir")))) {
            return files.filter(file -> file.getFileName().toString().startsWith("sparsed-demo-model-"))
                    .count();
        }
    }

    /** A jar with these files whole, and the others empty. */
    private Path jar(String... whole) throws IOException {
        Path jar = scratch.resolve("demo.jar");
        try (OutputStream out = Files.newOutputStream(jar);
                JarOutputStream entries = new JarOutputStream(out);
                Stream<Path> files = Files.list(RESOURCES)) {
            for (Path file : files.toList()) {
                String name = file.getFileName().toString();
                entries.putNextEntry(new JarEntry("demo-model/" + name));
                if (Stream.of(whole).anyMatch(name::equals)) {
                    Files.copy(file, entries);
                }
                entries.closeEntry();
            }
        }
        return jar;
    }

    private static URL inJar(Path jar, String name) {
        try {
            return URI.create("jar:" + jar.toUri() + "!/" + name).toURL();
        } catch (MalformedURLException e) {
            throw new IllegalArgumentException(e);
        }
    }
}
