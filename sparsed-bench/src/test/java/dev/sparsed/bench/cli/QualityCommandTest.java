package dev.sparsed.bench.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code quality} and {@code tasks}, on the demo model. */
class QualityCommandTest {

    @TempDir
    private Path scratch;

    @Test
    void solvesTasksAndCounts() throws IOException {
        Path tasks = Files.writeString(
                scratch.resolve("tasks.jsonl"),
                task("95+1=", "96", "right") + "\n" + task("95+1=", "97", "wrong") + "\n");
        Run run = Run.of("quality", "--tasks", tasks.toString());
        assertThat(run.exitCode()).isZero();
        assertThat(run.out().lines().map(line -> line.replaceAll(" +", " ")))
                .anyMatch(line -> line.startsWith("right 64 1/1 100.0 % 1.000"))
                .anyMatch(line -> line.startsWith("wrong 64 0/1 0.0 %"))
                .anyMatch(line -> line.startsWith("all 1/2 50.0 %"));
        assertThat(run.err())
                .contains("[1/2] right 64: solved", " s left)", "[2/2] wrong 64: wrong, \"96\" for \"97\"");
    }

    @Test
    void makesTasksThatItCanSolve() throws IOException {
        Run made = Run.of(
                "tasks",
                "--lengths",
                "512",
                "--count",
                "2",
                "--families",
                "niah_single,variable_tracking",
                "--sudokus",
                "1");
        assertThat(made.exitCode()).isZero();
        assertThat(made.out().lines()).hasSize(5).last().asString().contains("\"id\":4,\"task\":\"sudoku\"");
        Path tasks = Files.writeString(scratch.resolve("made.jsonl"), made.out());
        Run solved = Run.of("quality", "--tasks", tasks.toString(), "--task", "niah_single");
        assertThat(solved.out().lines().toList().getLast()).contains("2/2");
    }

    @Test
    void goesOnWhereItWasInterrupted() throws IOException {
        Path tasks = Files.writeString(scratch.resolve("tasks.jsonl"), task("95+1=", "96", "right") + "\n");
        Path out = scratch.resolve("out.jsonl");
        String[] arguments = {
            "quality",
            "--tasks",
            tasks.toString(),
            "--out",
            out.toString(),
            "--compare",
            "--caches",
            "none",
            "--rules",
            "fixed",
            "--policies",
            "dense,window,coverage",
            "--select",
            "0",
            "--block-size",
            "8"
        };
        Run first = Run.of(arguments);
        assertThat(first.exitCode()).isZero();
        assertThat(first.out().lines()).hasSize(4 + 1 + 2);
        String lines = Files.readString(out);
        assertThat(lines.lines()).hasSize(3);
        Run again = Run.of(arguments);
        assertThat(again.out()).isEqualTo(first.out()); // the times, too
        assertThat(out).hasContent(lines);
        arguments[arguments.length - 1] = "16";
        assertThat(Run.of(arguments).exitCode()).isZero();
        assertThat(Files.readAllLines(out)).hasSize(5); // dense has no blocks
    }

    @Test
    void comparesCachesRulesAndPolicies() throws IOException {
        Path tasks = Files.writeString(scratch.resolve("tasks.jsonl"), task("95+1=", "96", "right") + "\n");
        Run run = Run.of(
                "quality",
                "--tasks",
                tasks.toString(),
                "--compare",
                "--caches",
                "none,dual",
                "--rules",
                "fixed,threshold=0.9",
                "--block-length",
                "4",
                "--policy",
                "sparsed",
                "--dense-steps",
                "1",
                "--block-size",
                "8");
        assertThat(run.exitCode()).isZero();
        List<String> rows =
                run.out().lines().map(line -> line.replaceAll(" +", " ")).toList();
        assertThat(rows).hasSize(1 + 2 * 2 * 2 + 1 + 2);
        assertThat(rows.get(1)).startsWith("1 none fixed dense 1/1 100.0 % 100.0 % 1.000 - 4.0 ");
        assertThat(rows.get(4)).startsWith("4 dual threshold=0.9 dense 1/1 100.0 % 100.0 % 1.000 - 4.0 ");
        assertThat(rows.get(8))
                .matches(
                        "8 dual threshold=0.9 sparsed:dense-steps=1:block-size=8 ./1 .* % .* % 0\\.[0-9]{3} .*"); // less than dense
        assertThat(run.err().lines())
                .hasSize(8)
                .anyMatch(line -> line.startsWith("[4/8] dual threshold=0.9 dense right 64: solved"));
    }

    @Test
    void measuresWhatPatternsKeep() throws IOException {
        Path tasks = Files.writeString(scratch.resolve("tasks.jsonl"), task("95+1=", "96", "right") + "\n");
        Path out = scratch.resolve("out.jsonl");
        Run run = Run.of(
                "quality",
                "--tasks",
                tasks.toString(),
                "--kept-mass",
                "--policies",
                "dense,window:select=0:block-size=8,sparsed:select=1",
                "--out",
                out.toString());
        assertThat(run.err()).doesNotContain("error");
        List<String> rows =
                run.out().lines().map(line -> line.replaceAll(" +", " ")).toList();
        assertThat(rows.get(1)).startsWith("1 none fixed dense 1/1 100.0 % 100.0 % 1.000 - ");
        assertThat(rows.get(2)).matches("2 none fixed window:select=0.0:block-size=8 .* 0\\.[1-9].. 0\\.[0-9]{3} .*");
        assertThat(rows.get(3))
                .startsWith("3 none fixed sparsed:select=1.0 1/1 100.0 % 100.0 % 1.000 1.000 "); // all blocks
        assertThat(Files.readAllLines(out).get(1)).contains("\"kept_mass\":0.");
    }

    private static String task(String question, String answer, String name) {
        return "{\"id\": 1, \"task\": \"" + name + "\", \"length\": 64, \"user\": \"" + question
                + "\", \"gen_length\": 16, \"block_length\": 16, \"steps\": 4, \"mode\": \"exact\", \"answer\": \""
                + answer + "\"}";
    }
}
