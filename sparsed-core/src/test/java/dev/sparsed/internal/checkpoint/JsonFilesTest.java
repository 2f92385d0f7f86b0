package dev.sparsed.internal.checkpoint;

import static dev.sparsed.internal.checkpoint.CheckpointFiles.write;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.api.Assertions.assertTimeout;

import dev.sparsed.CheckpointException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JsonFilesTest {

    @TempDir
    Path folder;

    private Path file() {
        return folder.resolve("config.json");
    }

    private void rejected(String... parts) {
        CheckpointException failure = catchThrowableOfType(CheckpointException.class, () -> JsonFiles.read(file()));
        assertThat(failure).as("a failure").isNotNull();
        assertThat(failure.getMessage()).startsWith(file() + ": ").hasSizeLessThan(1500);
        for (String part : parts) {
            assertThat(failure.getMessage()).contains(part);
        }
    }

    @Test
    void readsOneValue() {
        write(file(), " {\"a\": [1, 2.5, \"ü\"], \"b\": {\"a\": null}} \n");
        assertThat(JsonFiles.read(file()).toString()).isEqualTo("{\"a\":[1,2.5,\"ü\"],\"b\":{\"a\":null}}");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{\"a\":1,\\n \"a\":2}|line 2, column",
                "{\"b\":{\"a\":1,\"a\":2}}|'a'",
                "{\"a\":1}\\n\\n  x|line 3, column",
                "{} {}|line 1, column",
                "{\"a\":}|line 1, column",
                "{\"a\":[1,\\n2,}|line 2, column",
                "{\"a\":NaN}|line 1, column",
                "{'a':1}|line 1, column",
                "{\"a\":01}|line 1, column",
                "//x\\n{}|line 1, column"
            })
    void namesLineAndColumn(String content, String place) {
        write(file(), content.replace("\\n", "\n"));
        rejected("malformed JSON", place);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", "\n\n"})
    void rejectsEmptyFiles(String content) {
        write(file(), content);
        rejected("found an empty file");
    }

    @Test
    void rejectsOtherEncodings() {
        write(file(), "{\"a\":\"ü\"}".getBytes(StandardCharsets.ISO_8859_1));
        rejected("UTF-8");
        write(file(), "{\"a\":1}".getBytes(StandardCharsets.UTF_16));
        rejected("UTF-8");
        write(file(), "{\"a\":1}".getBytes(StandardCharsets.UTF_16LE));
        rejected("malformed JSON");
    }

    @Test
    void rejectsBombs() {
        assertTimeout(Duration.ofSeconds(20), () -> {
            write(file(), "[".repeat(5_000_000));
            rejected("malformed JSON", "64");
            write(file(), "{\"a\":".repeat(5_000_000));
            rejected("malformed JSON", "64");
            write(file(), "[" + "[],".repeat(3_000_000) + "[]]");
            rejected("malformed JSON", "3000000");
            write(file(), "[" + "9".repeat(5_000_000) + "]");
            rejected("malformed JSON", "64");
            write(file(), "{\"" + "n".repeat(5_000_000) + "\":1}");
            rejected("malformed JSON", "65536");
            write(file(), "\"" + "s".repeat(30_000_000) + "\"");
            rejected("malformed JSON");
        });
    }

    @Test
    void rejectsMoreThan64MiB() throws IOException {
        try (RandomAccessFile out = new RandomAccessFile(file().toFile(), "rw")) {
            out.setLength(3L << 30);
        }
        rejected("at most 67108864 bytes", "found 3221225472 bytes");
    }

    @Test
    void rejectsWhatIsNoFile() {
        rejected("no such file");
        CheckpointException failure = catchThrowableOfType(CheckpointException.class, () -> JsonFiles.read(folder));
        assertThat(failure).hasMessage(folder + ": is not a file");
    }
}
