package dev.sparsed.bench.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** On the demo model. What is on the page, the tests of the package {@code report} tell. */
class ReportCommandTest {

    @TempDir
    private Path scratch;

    @Test
    void drawsResultsAndATask() throws IOException {
        Path outcomes = scratch.resolve("outcomes.jsonl");
        Run quality = Run.of(
                "quality",
                "--task",
                "add",
                "--limit",
                "1",
                "--policies",
                "dense,sparsed:block-size=8",
                "--out",
                outcomes.toString());
        assertThat(quality.exitCode()).as(quality.err()).isZero();
        Path page = scratch.resolve("page.html");
        Run run = Run.of(
                "report",
                "--results",
                outcomes.toString(),
                "--task-id",
                "12",
                "--policy",
                "sparsed",
                "--block-size",
                "8",
                "--title",
                "A sum",
                "-o",
                page.toString());
        assertThat(run.exitCode()).as(run.err()).isZero();
        assertThat(run.out()).isEmpty();
        assertThat(run.err()).contains("step 16/16 - block-sparse - 0 masks left", "page.html: ");
        assertThat(Files.readString(page))
                .contains("\"title\":\"A sum\"", "\"settings\":[\"dense\",\"sparsed:block-size=8\"]")
                .contains("\"policy\":\"SparseD[skip=0.2, select=0.5, blockSize=8]\"");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            report | nothing to report on: give --results, --prompt or --task-id
            report --task-id 4711 | --task-id 4711: no task has this number
            report --task-id 12 -p 1+1= | the task has a prompt
            report --results nowhere.jsonl | nowhere.jsonl: no such file
            report -p 1+1= --policy sparsed --select 2 | select = 2.0: must be 0 ... 1
            """)
    void saysWhatIsWrong(String words, String message) {
        Run run = Run.of(words.split(" "));
        assertThat(run.err()).contains(message).hasLineCount(1);
        assertThat(run.exitCode()).isEqualTo(1);
    }
}
