package dev.sparsed.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What happens in a process of its own: without the text libraries, with an unwritable cache, and that nothing is
 * printed.
 */
class TextLibrariesTest {

    /** Jars that only text needs. */
    private static final Pattern TEXT = Pattern.compile(
            ".*(ai/djl|com/hubspot|net/java/dev/jna|com/google|org/slf4j|commons-|commons/|javassist|immutables|snakeyaml|yaml|re2j).*[.]jar");

    private static final Predicate<String> WITHOUT_TEXT =
            entry -> !TEXT.matcher(entry.replace('\\', '/')).matches();

    @TempDir
    private Path folder;

    private record Outcome(String out, String err) {}

    private static Outcome run(String what, Predicate<String> entry, Map<String, String> environment, String... flags)
            throws Exception {
        Path tokenizer =
                Path.of(TextLibrariesTest.class.getResource("/demo-tokenizer").toURI());
        return run(what, tokenizer, entry, environment, flags);
    }

    private static Outcome run(
            String what, Path folder, Predicate<String> entry, Map<String, String> environment, String... flags)
            throws Exception {
        String classPath = Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry)
                .collect(Collectors.joining(File.pathSeparator));
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "--enable-native-access=ALL-UNNAMED"));
        command.addAll(List.of(flags));
        command.addAll(List.of("-cp", classPath, WithoutTextLibraries.class.getName(), what, folder.toString()));
        Path out = Files.createTempFile("sparsed", ".out");
        Path err = Files.createTempFile("sparsed", ".err");
        try {
            ProcessBuilder builder =
                    new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile());
            builder.environment()
                    .keySet()
                    .removeIf(name -> name.startsWith("JAVA_TOOL") || name.startsWith("JDK_JAVA"));
            builder.environment().putAll(environment);
            Process process = builder.start();
            try {
                assertThat(process.waitFor(60, java.util.concurrent.TimeUnit.SECONDS))
                        .isTrue();
                assertThat(process.exitValue()).isZero();
            } finally {
                process.destroyForcibly();
            }
            return new Outcome(read(out), read(err));
        } finally {
            Files.delete(out);
            Files.delete(err);
        }
    }

    private static String read(Path file) throws IOException {
        return Files.readString(file, StandardCharsets.UTF_8).strip();
    }

    @Test
    void withTheLibrariesTextWorksAndNothingElseIsPrinted() throws Exception {
        Predicate<String> withoutLogging =
                entry -> !entry.contains("slf4j-nop"); // as in an application that chose no logging
        Outcome tokenizer = run("tokenizer", withoutLogging, Map.of());
        assertThat(tokenizer.out()).isEqualTo("result: 1 tokens");
        assertThat(tokenizer.err()).isEmpty();
        Outcome template = run("template", withoutLogging, Map.of());
        assertThat(template.out()).startsWith("result: ").endsWith(" chars");
        assertThat(template.err()).isEmpty();
    }

    @Test
    void withoutThemTokenIdsAreGeneratedAllTheSame() throws Exception {
        Path model = Path.of("src/test/resources/golden/llada-mha").toAbsolutePath();
        Outcome fast = run("generate", model, WITHOUT_TEXT, Map.of(), "--add-modules=jdk.incubator.vector");
        assertThat(fast.out()).isEqualTo("result: 4 tokens on vector");
    }

    @Test
    void withoutTheVectorApiOneWarningNamesTheFlag() throws Exception {
        Path model = Path.of("src/test/resources/golden/llada-mha").toAbsolutePath();
        Outcome slow = run("generate", model, WITHOUT_TEXT, Map.of());
        assertThat(slow.out()).isEqualTo("result: 4 tokens on scalar");
        assertThat(slow.err().lines().filter(line -> line.startsWith("WARNING: ")))
                .singleElement()
                .asString()
                .contains("--add-modules jdk.incubator.vector");
    }

    @Test
    void withoutThemTheExceptionNamesWhatToAdd() throws Exception {
        assertThat(run("tokenizer", WITHOUT_TEXT, Map.of()).out())
                .startsWith("dev.sparsed.text.TextUnavailableException: ")
                .contains("ai.djl.huggingface:tokenizers:0.38.0")
                .contains("token ids");
        assertThat(run("template", WITHOUT_TEXT, Map.of()).out())
                .startsWith("dev.sparsed.text.TextUnavailableException: ")
                .contains("com.hubspot.jinjava:jinjava:2.8.4")
                .contains("token ids");
    }

    @Test
    void aCacheThatCannotBeWrittenSaysWhatToSet() throws Exception {
        Path file = Files.writeString(folder.resolve("file"), "not a folder");
        assertThat(run("tokenizer", entry -> true, Map.of(), "-DENGINE_CACHE_DIR=" + file.resolve("cache"))
                        .out())
                .startsWith("dev.sparsed.text.TextUnavailableException: ")
                .contains("ENGINE_CACHE_DIR")
                .contains("DJL_CACHE_DIR");
    }
}
