package dev.sparsed.bench.quality;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sparsed.bench.DemoModel;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TaskFileTest {

    private static final String LINE =
            "{\"id\": 12, \"task\": \"add\", \"length\": 64, \"user\": \"95+1=\", \"prompt_ids\": [1, 2], \"gen_length\": 16,"
                    + " \"block_length\": 8, \"steps\": 4, \"mode\": \"exact\", \"answer\": \"96\"}";

    @Test
    void readsATask() {
        assertThat(read("\n" + LINE + "\n\n"))
                .containsExactly(new Task(12, "add", 64, "95+1=", "", 16, 8, 4, AnswerMode.EXACT, List.of("96")));
    }

    @Test
    void readsTheDemoModelsTasks() throws IOException {
        try (InputStream in = DemoModel.tasks()) {
            List<Task> tasks = TaskFile.read(in, "tasks");
            assertThat(tasks).hasSize(276);
            assertThat(tasks).extracting(Task::mode).contains(AnswerMode.SUDOKU, AnswerMode.NUMSET, AnswerMode.SET);
            assertThat(tasks.get(36).assistantPrefix()).isEqualTo("The special magic number for thing is: ");
            assertThat(tasks.get(72).expected()).isEqualTo("66035, 40420, 47719");
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            "steps": 4       | "steps": 0          | tasks:2: steps = 0: must be an integer >= 1
            "steps": 4       | "steps": 4.5        | tasks:2: steps = 4.5: must be an integer >= 1
            "steps": 4       | "steps": 4294967297 | tasks:2: steps = 4294967297: must be an integer >= 1
            "task": "add"    | "name": "add"       | tasks:2: task = : must be a string
            "mode": "exact"  | "mode": "exactly"   | tasks:2: mode = "exactly": must be one of
            "answer": "96"   | "answer": []        | tasks:2: answer has 0 parts
            "answer": "96"   | "answer": [96]      | tasks:2: answer = [96]: must be a string or a list of strings
            "exact"          | "sudoku"            | needs the puzzle
            "id": 12,        | "id": 12            | tasks:2: not JSON
            """)
    void saysWhatIsWrongWhere(String good, String bad, String message) {
        String broken = LINE.replace(good, bad);
        assertThat(broken).isNotEqualTo(LINE);
        assertThatThrownBy(() -> read(LINE + "\n" + broken))
                .isInstanceOf(TaskFileException.class)
                .hasMessageContaining(message);
    }

    @Test
    void saysThatAFileIsNotThere() {
        assertThatThrownBy(() -> TaskFile.read(Path.of("no-such-file.jsonl")))
                .isInstanceOf(TaskFileException.class)
                .hasMessage("no-such-file.jsonl: no such file");
    }

    @Test
    void refusesBytesThatAreNoUtf8() {
        byte[] bytes = LINE.replace("95+1=", "ÿ").getBytes(StandardCharsets.ISO_8859_1);
        assertThatThrownBy(() -> TaskFile.read(new ByteArrayInputStream(bytes), "tasks"))
                .isInstanceOf(TaskFileException.class)
                .hasMessageContaining("tasks:1: cannot be read");
    }

    private static List<Task> read(String text) {
        return TaskFile.read(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)), "tasks");
    }
}
