package dev.sparsed.bench.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.sparsed.bench.quality.AnswerMode;
import dev.sparsed.bench.quality.OutcomeLog;
import dev.sparsed.bench.quality.Setting;
import dev.sparsed.bench.quality.Task;
import dev.sparsed.bench.quality.TaskFileException;
import dev.sparsed.bench.quality.TaskOutcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class QualityChartTest {

    @TempDir
    private Path folder;

    private static Task task(int id, String name, int length) {
        return new Task(id, name, length, "1+" + id + "=", "", 16, 16, 16, AnswerMode.EXACT, List.of("1"));
    }

    private static TaskOutcome outcome(Task task, boolean solved, double density, double seconds, Integer... tokens) {
        return new TaskOutcome(task, List.of(tokens), "1", solved, density, Double.NaN, 16, 1024, seconds);
    }

    private static Setting setting(String cache, String policy) {
        return new Setting(cache, "fixed", policy, request -> {});
    }

    private Path log(String cache, String name) {
        Path file = folder.resolve(name);
        try (OutcomeLog log = OutcomeLog.open(file)) {
            log.add("a", setting(cache, "dense"), outcome(task(1, "add", 64), true, 1, 2, 5, 6, 7, 8));
            log.add("b", setting(cache, "window"), outcome(task(1, "add", 64), true, 0.5, 1, 5, 6, 7, 8));
            log.add("a", setting(cache, "dense"), outcome(task(2, "add", 64), true, 1, 4, 5, 6, 7, 8));
            log.add("b", setting(cache, "window"), outcome(task(2, "add", 64), false, 0.25, 2, 5, 6, 9, 9, 9));
            log.add("b", setting(cache, "window"), outcome(task(3, "sort", 512), false, 0.25, 2, 1));
        }
        return file;
    }

    @Test
    void groupsBySettingKindAndLength() throws IOException {
        JsonNode json = QualityChart.read(List.of(log("none", "one.jsonl"))).json();
        assertThat(json).isEqualTo(new ObjectMapper().readTree("""
                {"settings": ["dense", "window"], "rows": [
                  {"setting": "dense", "task": "add", "length": 64, "tasks": 2, "solved": 2,
                   "density": 1.0, "forwards": 16.0, "seconds": 3.0, "agreement": 1.0},
                  {"setting": "window", "task": "add", "length": 64, "tasks": 2, "solved": 1,
                   "density": 0.375, "forwards": 16.0, "seconds": 1.5, "agreement": 0.7},
                  {"setting": "window", "task": "sort", "length": 512, "tasks": 1, "solved": 0,
                   "density": 0.25, "forwards": 16.0, "seconds": 2.0}]}
                """));
    }

    @Test
    void namesTheCacheWhereThereAreSeveral() {
        JsonNode json = QualityChart.read(List.of(log("none", "one.jsonl"), log("dual", "two.jsonl")))
                .json();
        assertThat(json.get("settings"))
                .extracting(JsonNode::asText)
                .containsExactly("dense, cache none", "window, cache none", "dense, cache dual", "window, cache dual");
    }

    @Test
    void aLineThatIsNotFinishedIsLeftOut() throws IOException {
        Path file = log("none", "one.jsonl");
        Files.writeString(file, Files.readString(file) + "{\"cache\":");
        assertThat(QualityChart.read(List.of(file)).json().get("rows")).hasSize(3);
    }

    @Test
    void saysWhatIsWrongWithAFile() throws IOException {
        Path file = folder.resolve("file.jsonl");
        assertThatThrownBy(() -> QualityChart.read(List.of(file)))
                .isInstanceOf(TaskFileException.class)
                .hasMessageContaining("no such file");
        Files.writeString(file, "");
        assertThatThrownBy(() -> QualityChart.read(List.of(file))).hasMessageContaining("holds no outcome");
        Files.writeString(file, "{\"cache\": \"none\"}\n");
        assertThatThrownBy(() -> QualityChart.read(List.of(file))).hasMessageContaining(":1: no rule");
        Files.writeString(file, "{\n");
        assertThatThrownBy(() -> QualityChart.read(List.of(file))).hasMessageContaining(":1: not JSON");
        Files.write(file, new byte[] {(byte) 0xff, '\n'});
        assertThatThrownBy(() -> QualityChart.read(List.of(file))).hasMessageContaining("not UTF-8");
    }
}
