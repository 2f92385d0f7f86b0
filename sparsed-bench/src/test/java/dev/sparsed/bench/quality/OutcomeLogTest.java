package dev.sparsed.bench.quality;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OutcomeLogTest {

    private static final Setting NAMES = new Setting("none", "fixed", "sparsed:select=0.3", request -> {});

    @TempDir
    private Path folder;

    private static TaskOutcome outcome(int id, String user) {
        Task task = new Task(id, "add", 64, user, "", 16, 16, 16, AnswerMode.EXACT, List.of("1"));
        return new TaskOutcome(task, List.of(17, 3), "1 \"ü\"\n", true, 0.25, 0.875, 16, 1024, 1.5);
    }

    @Test
    void remembersWhatItWasTold() throws IOException {
        Path file = folder.resolve("out.jsonl");
        TaskOutcome first = outcome(1, "1+0=");
        TaskOutcome unmeasured = new TaskOutcome(first.task(), List.of(), "", false, 1, Double.NaN, 16, 1024, 1.5);
        try (OutcomeLog log = OutcomeLog.open(file)) {
            assertThat(log.find("dense", first.task())).isEmpty();
            log.add("dense", NAMES, first);
            assertThat(log.find("dense", first.task())).contains(first);
        }
        try (OutcomeLog log = OutcomeLog.open(file)) {
            assertThat(log.find("dense", first.task())).contains(first);
            assertThat(log.find("sparsed", first.task())).isEmpty();
            assertThat(log.find("dense", outcome(2, "1+0=").task())).isEmpty();
            assertThat(log.find("dense", outcome(1, "0+1=").task())).isEmpty();
            log.add("sparsed", NAMES, unmeasured);
        }
        try (OutcomeLog log = OutcomeLog.open(file)) {
            assertThat(log.find("sparsed", first.task())).contains(unmeasured);
        }
        assertThat(Files.readAllLines(file))
                .hasSize(2)
                .allMatch(line -> line.contains("\"policy\":\"sparsed:select=0.3\""))
                .first()
                .asString()
                .contains("\"tokens\":[17,3]", "\"kept_mass\":0.875");
    }

    @Test
    void dropsALineThatWasNotFinished() throws IOException {
        Path file = folder.resolve("out.jsonl");
        try (OutcomeLog log = OutcomeLog.open(file)) {
            log.add("dense", NAMES, outcome(1, "1+0="));
        }
        String whole = Files.readString(file);
        Files.writeString(file, whole + whole.substring(0, 40));
        try (OutcomeLog log = OutcomeLog.open(file)) {
            assertThat(log.find("dense", outcome(1, "1+0=").task())).isPresent();
            log.add("dense", NAMES, outcome(2, "2+0="));
        }
        assertThat(Files.readString(file)).startsWith(whole);
        assertThat(Files.readAllLines(file)).hasSize(2);
        OutcomeLog.open(file).close(); // every line is whole
    }

    @Test
    void leavesOtherFilesAlone() throws IOException {
        Path file = Files.writeString(folder.resolve("tasks.jsonl"), "{\"id\": 1}\n");
        assertThatThrownBy(() -> OutcomeLog.open(file))
                .isInstanceOf(TaskFileException.class)
                .hasMessageContaining("tasks.jsonl:1: no setting");
        Path text = Files.writeString(folder.resolve("text"), "hello\n");
        assertThatThrownBy(() -> OutcomeLog.open(text))
                .isInstanceOf(TaskFileException.class)
                .hasMessageContaining("text:1: not JSON");
        assertThat(text).hasContent("hello");
        assertThatThrownBy(() -> OutcomeLog.open(folder.resolve("none/out")))
                .isInstanceOf(TaskFileException.class)
                .hasMessageContaining("cannot be opened");
    }
}
