package dev.sparsed.bench.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The command as a user meets it, on the demo model. Sums are kept short: the scalar backend must finish them, too. */
class MainTest {

    private static final Terminal LIVE = new Terminal(true, true, false, true, 60, 20);

    @TempDir
    private Path scratch;

    /** What a run left behind. */
    private record Run(int exitCode, String out, String err) {}

    @Test
    void generatesOnStandardOutputAndReportsOnStandardError() {
        Run run = run("generate", "--prompt", "195351+5=", "--gen-length", "16", "--stats");
        assertThat(run.err).contains("dense", "16", "tokens/s", "density 1.000");
        assertThat(run.out).isEqualToNormalizingNewlines("195356\n");
        assertThat(run.exitCode).isZero();
    }

    @Test
    void generatesWithSparseD() {
        Run run = run(
                "generate",
                "-p",
                "195351+5=",
                "-n",
                "16",
                "--policy",
                "SparseD",
                "--preset",
                "short",
                "--block-size",
                "8",
                "-v");
        assertThat(run.out).isEqualToNormalizingNewlines("195356\n");
        assertThat(run.err).contains("dense + select", "block-sparse").containsPattern("layer +7 +density 0\\.\\d+");
    }

    @Test
    void aCacheAndAThresholdGiveTheAnswerInFewerPasses() {
        Run run = run(
                "generate",
                "-p",
                "195351+5=",
                "-n",
                "16",
                "--block-length",
                "8",
                "--threshold",
                "0.9",
                "--cache",
                "dual",
                "--alg",
                "low_confidence",
                "--stats");
        assertThat(run.out).isEqualToNormalizingNewlines("195356\n");
        assertThat(run.err).containsPattern("[12] forward passes over the whole canvas, \\d over cached");
    }

    @Test
    void readsStandardInputAndPrintsTokens() {
        Run run = run(Terminal.NONE, "95+1=\n", "generate", "-n", "4", "--steps", "1", "--output-tokens");
        assertThat(run.err).contains("4 tokens in");
        assertThat(run.out.strip()).matches("\\d+,\\d+,\\d+,\\d+");
        Run tokens =
                run("generate", "--prompt-tokens", "5,6,7", "-n", "2", "--seed", "3", "--temperature", "1", "-t", "1");
        assertThat(tokens.exitCode).isZero();
    }

    @Test
    void drawsTheCanvasOnATerminalAndLeavesTheAnswer() {
        Run run = run(LIVE, "", "generate", "-p", "95+1=", "-n", "4", "--steps", "2", "--no-color");
        assertThat(run.out)
                .startsWith("\033[?25l")
                .contains("░░░░\033[K\n", "0 masks left")
                .doesNotContain("\033[2m")
                .containsPattern("\033\\[J\033\\[\\?25h[^\033]*$");
        Run plain = run(LIVE, "", "generate", "-p", "95+1=", "-n", "4", "--steps", "2", "--plain");
        assertThat(plain.out).doesNotContain("\033");
        assertThat(run.out).endsWith(plain.out);
    }

    @Test
    void fillsTheGapsOfATemplate() {
        Run run = run("generate", "-p", "195351+5=", "--infill", "195[MASK*3]<|eot_id|>", "--log-probs");
        assertThat(run.out).isEqualToNormalizingNewlines("195356\n");
        assertThat(run.err.lines().filter(line -> line.contains(" fixed ")))
                .hasSizeGreaterThan(1)
                .last()
                .asString()
                .endsWith("<|eot_id|>");
        Run live = run(LIVE, "", "generate", "-p", "95+1=", "--infill", "<[MASK]>", "--no-color");
        assertThat(live.out).contains("<░>\033[K\n", ", 1 of them masks");
    }

    @Test
    void tokensMayBeForbiddenFavouredAndAnEnd() {
        Run forbidden = run("generate", "-p", "95+1=", "-n", "4", "--steps", "1", "--forbid", "\"9\"");
        assertThat(forbidden.exitCode).isZero();
        assertThat(forbidden.out).doesNotContain("9");
        Run favoured = run("generate", "-p", "95+1=", "-n", "4", "--steps", "1", "--logit-bias", "\"7\"=1000");
        assertThat(favoured.out).isEqualToNormalizingNewlines("7777\n");
        Run stopped = run("generate", "-p", "195351+5=", "-n", "16", "--stop", "53", "--stop-token", "<|eot_id|>");
        assertThat(stopped.out).isEqualToNormalizingNewlines("19\n");
        Run token = run("generate", "-p", "195351+5=", "-n", "16", "--stop-token", "\"3\"");
        assertThat(token.out).isEqualToNormalizingNewlines("195\n");
    }

    @Test
    void printsACompletionPerSeedAsJson() throws IOException {
        Run run = run(
                "generate",
                "-p",
                "95+1=",
                "-n",
                "4",
                "--steps",
                "2",
                "--temperature",
                "2",
                "--seed",
                "8",
                "--completions",
                "2",
                "--json");
        List<String> lines = run.out.lines().toList();
        assertThat(lines).hasSize(2);
        for (int i = 0; i < 2; i++) {
            JsonNode object = new ObjectMapper().readTree(lines.get(i));
            assertThat(object.get("seed").asInt()).isEqualTo(8 + i);
            assertThat(object.get("tokens")).hasSize(4);
            assertThat(object.get("log_probabilities")).hasSize(4).allMatch(value -> value.asDouble() < 0);
            assertThat(object.get("text").isTextual()).isTrue();
            assertThat(object.get("forwards").asInt()).isEqualTo(2);
            Run alone = run(
                    "generate",
                    "-p",
                    "95+1=",
                    "-n",
                    "4",
                    "--steps",
                    "2",
                    "--temperature",
                    "2",
                    "--seed",
                    String.valueOf(8 + i),
                    "--output-tokens");
            assertThat(object.get("tokens").toString()).isEqualTo("[" + alone.out.strip() + "]");
        }
        assertThat(lines.get(0)).isNotEqualTo(lines.get(1));
    }

    @Test
    void solvesTasksAndCounts() throws IOException {
        Path tasks = Files.writeString(
                scratch.resolve("tasks.jsonl"),
                task("95+1=", "96", "right") + "\n" + task("95+1=", "97", "wrong") + "\n");
        Run run = run("quality", "--tasks", tasks.toString());
        assertThat(run.exitCode).isZero();
        assertThat(run.out.lines().map(line -> line.replaceAll(" +", " ")))
                .anyMatch(line -> line.startsWith("right 64 1/1 100.0 % 1.000"))
                .anyMatch(line -> line.startsWith("wrong 64 0/1 0.0 %"))
                .anyMatch(line -> line.startsWith("all 1/2 50.0 %"));
        assertThat(run.err).contains("[1/2] right 64: solved", " s left)", "[2/2] wrong 64: wrong, \"96\" for \"97\"");
    }

    @Test
    void makesTasksThatItCanSolve() throws IOException {
        Run made = run("tasks", "--lengths", "512", "--count", "2", "--families", "niah_single,variable_tracking");
        assertThat(made.exitCode).isZero();
        assertThat(made.out.lines()).hasSize(4);
        Path tasks = Files.writeString(scratch.resolve("made.jsonl"), made.out);
        Run solved = run("quality", "--tasks", tasks.toString(), "--task", "niah_single");
        assertThat(solved.out.lines().toList().getLast()).contains("2/2");
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
        Run first = run(arguments);
        assertThat(first.exitCode).isZero();
        assertThat(first.out.lines()).hasSize(4 + 1 + 2);
        String lines = Files.readString(out);
        assertThat(lines.lines()).hasSize(3);
        Run again = run(arguments);
        assertThat(again.out).isEqualTo(first.out); // the times, too
        assertThat(out).hasContent(lines);
        arguments[arguments.length - 1] = "16";
        assertThat(run(arguments).exitCode).isZero();
        assertThat(Files.readAllLines(out)).hasSize(5); // dense has no blocks
    }

    @Test
    void comparesCachesRulesAndPolicies() throws IOException {
        Path tasks = Files.writeString(scratch.resolve("tasks.jsonl"), task("95+1=", "96", "right") + "\n");
        Run run = run(
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
        assertThat(run.exitCode).isZero();
        List<String> rows =
                run.out.lines().map(line -> line.replaceAll(" +", " ")).toList();
        assertThat(rows).hasSize(1 + 2 * 2 * 2 + 1 + 2);
        assertThat(rows.get(1)).startsWith("1 none fixed dense 1/1 100.0 % 100.0 % 1.000 - 4.0 ");
        assertThat(rows.get(4)).startsWith("4 dual threshold=0.9 dense 1/1 100.0 % 100.0 % 1.000 - 4.0 ");
        assertThat(rows.get(8))
                .matches(
                        "8 dual threshold=0.9 sparsed:dense-steps=1:block-size=8 ./1 .* % .* % 0\\.[0-9]{3} .*"); // less than dense
        assertThat(run.err.lines())
                .hasSize(8)
                .anyMatch(line -> line.startsWith("[4/8] dual threshold=0.9 dense right 64: solved"));
    }

    @Test
    void measuresWhatPatternsKeep() throws IOException {
        Path tasks = Files.writeString(scratch.resolve("tasks.jsonl"), task("95+1=", "96", "right") + "\n");
        Path out = scratch.resolve("out.jsonl");
        Run run = run(
                "quality",
                "--tasks",
                tasks.toString(),
                "--kept-mass",
                "--policies",
                "dense,window:select=0:block-size=8,sparsed:select=1",
                "--out",
                out.toString());
        assertThat(run.err).doesNotContain("error");
        List<String> rows =
                run.out.lines().map(line -> line.replaceAll(" +", " ")).toList();
        assertThat(rows.get(1)).startsWith("1 none fixed dense 1/1 100.0 % 100.0 % 1.000 - ");
        assertThat(rows.get(2)).matches("2 none fixed window:select=0.0:block-size=8 .* 0\\.[1-9].. 0\\.[0-9]{3} .*");
        assertThat(rows.get(3))
                .startsWith("3 none fixed sparsed:select=1.0 1/1 100.0 % 100.0 % 1.000 1.000 "); // all blocks
        assertThat(Files.readAllLines(out).get(1)).contains("\"kept_mass\":0.");
    }

    @Test
    void tellsWhatItRunsOn() {
        Run run = run("info", "--threads", "2");
        assertThat(run.exitCode).isZero();
        assertThat(run.out)
                .contains("7,475,456 in 14.3 MiB", "75 tensors of BF16", "LLADA", "8,192 tokens", "2044")
                .contains(System.getProperty("java.version"))
                .containsPattern("scalar +available")
                .containsPattern("threads +2");
    }

    @Test
    void timesWholeSteps() {
        Run run =
                run("bench-forward", "--shape", "demo", "--tokens", "40", "-n", "8", "--repeats", "1", "--layers", "2");
        assertThat(run.err).isEmpty();
        assertThat(run.out)
                .contains("shape demo, 2 of 8 layers, BF16 weights")
                .containsPattern("\n +40( +\\d+\\.\\d+ s){3} +[01]\\.\\d+( +\\d+\\.\\d s){2} +\\d+\\.\\d\\dx");
        assertThat(run.exitCode).isZero();
    }

    @Test
    void helps() {
        assertThat(run("--help").out).contains("Usage: sparsed", "generate", "demo", "quality", "info", "bench");
        assertThat(run("--version").out)
                .containsPattern("sparsed \\d+\\.\\d+\\.\\d+")
                .contains(Runtime.version().toString());
        Run none = run();
        assertThat(none.exitCode).isEqualTo(2);
        assertThat(none.err).contains("Usage: sparsed");
    }

    @ParameterizedTest
    @ValueSource(strings = {"generate", "chat", "demo", "quality", "tasks", "info"})
    void everySubcommandHelps(String subcommand) {
        Run run = run(subcommand, "--help");
        assertThat(run.exitCode).isZero();
        assertThat(run.out).startsWith("Usage: sparsed " + subcommand).contains("--backend", "--model");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', textBlock = """
            generate -p x -n 7 --block-length 2 | 1 | blockLength = 2: must divide genLength = 7
            generate -p x --temperature NaN     | 1 | temperature = NaN: must be a number >= 0
            generate -p x --skip 0.2            | 1 | --skip: does not go with --policy dense, which has no settings
            generate -p x --policy window --skip 0.2 | 1 | --skip: does not go with --policy window, which has --preset, --select, --block-size
            generate -p x --policy coverage --coverage 2 | 1 | coverage = 2.0: must be 0 ... 1
            generate -p x --policy sparsed --select 2 | 1 | select = 2.0: must be 0 ... 1
            generate -p x --threshold 0.9 --factor 1 | 1 | there is one rule
            generate -p x --alg entropy --threshold 0.9 | 1 | remasking = ENTROPY: is no probability
            generate -p x --cache-interval 3    | 1 | cacheInterval = 3: goes with a cache
            generate -p x --completions 0       | 1 | --completions = 0: must be at least 1
            generate -p x --json --output-tokens | 2 | mutually exclusive
            generate -p x --infill y            | 1 | has no gap
            generate -p x --infill [MASK] --stop 3 | 1 | does not go with infill
            generate -p x --infill [MASK] -n 9  | 1 | infill has 1 positions
            generate -p x --forbid 2048         | 1 | forbiddenTokens = token 2048: must be 0 ... 2047
            generate -p x --stop-token 2048     | 1 | stopTokens = token 2048: must be 0 ... 2047
            generate -p x --forbid 195351       | 1 | forbiddenTokens = token 195351
            generate -p x --forbid qqqq         | 1 | must be one: give its id
            generate -p x --logit-bias 3=y      | 2 | 'y' is not a double
            generate -p x --threads -1          | 1 | threads = -1
            generate -p x --backend quantum     | 1 | backend quantum was required, found are
            generate -p x -m no-such-folder     | 1 | no-such-folder: no such folder
            generate -p x -m src                | 1 | config.json
            generate -f no-such-file            | 1 | no-such-file: no such file
            generate -f src                     | 1 | src: cannot be read
            generate -n 100000 -p x             | 1 | for a context of 8192
            generate --prompt-tokens 5,2044     | 1 | mask token 2044 at 1
            generate --prompt-tokens 5 --system x | 1 | goes with a chat
            bench-forward --shape L             | 1 | shape L: there are S, M, 8B and demo
            bench-forward --layers 1            | 1 | --layers 1: must be 2 ... 16
            bench-forward -n 3                  | 1 | --gen-length 3: must be at least 7
            generate hello                      | 1 | prompt = hello
            generate -p x --stepz 3             | 2 | '--stepz', '3'; did you mean --steps?
            generate -p x --policy foo          | 2 | expected one of [dense, sparsed, auto, coverage, window
            generate -p x --steps many          | 2 | 'many' is not an int
            generate -p x -f y                  | 2 | mutually exclusive
            quality --tasks no-such-file        | 1 | no-such-file: no such file
            quality --task niah                 | 1 | there are add, niah_multikey
            generate -p x --policy sparsed --skip 0.1 --dense-steps 2 | 1 | --skip and --dense-steps: give one
            quality --task add --limit 1 --block-length 7 | 1 | blockLength = 7: must divide genLength = 16
            quality --compare --rules foo       | 1 | --rules foo: there are fixed, threshold=X
            quality --compare --rules factor    | 1 | --rules factor: needs a number
            quality --compare --rules fixed=1   | 1 | fixed has no number
            quality --compare --rules threshold=2 | 1 | threshold = 2.0: must be 0 ... 1
            quality --policies sparsed:foo=1    | 1 | --policies sparsed:foo=1: Unknown option
            quality --policies dense:skip=1     | 1 | --skip: does not go with --policy dense
            quality --compare --caches foo      | 2 | expected one of [NONE, PREFIX, DUAL]
            quality --max-length 3              | 1 | no task is left
            demo --puzzle 13                    | 1 | must be 1 ... 12
            frobnicate                          | 2 | Unmatched argument at index 0: 'frobnicate'
            """)
    void failsInOneLine(String arguments, int exitCode, String message) {
        Run run = run(arguments.split(" "));
        assertThat(run.err.strip()).startsWith("sparsed: ").hasLineCount(1).contains(message);
        assertThat(run.out).isEmpty();
        assertThat(run.exitCode).isEqualTo(exitCode);
    }

    @Test
    void asksForAPromptInsteadOfWaitingForOne() {
        Run run = run(LIVE, "never read", "generate");
        assertThat(run.exitCode).isEqualTo(1);
        assertThat(run.err).startsWith("sparsed: prompt = nothing: give --prompt TEXT");
    }

    @Test
    void refusesInputThatIsNoText() throws IOException {
        Path file = Files.write(scratch.resolve("latin"), "für".getBytes(StandardCharsets.ISO_8859_1));
        assertThat(run("generate", "-f", file.toString()).err).contains("latin: not UTF-8");
    }

    @Test
    void showsTheStackTraceOnlyWhenAsked() {
        assertThat(run("generate", "-p", "x", "-n", "0").err).doesNotContain("\tat ");
        assertThat(run("generate", "-p", "x", "-n", "0", "--stacktrace").err).contains("\tat dev.sparsed.");
    }

    private static String task(String question, String answer, String name) {
        return "{\"id\": 1, \"task\": \"" + name + "\", \"length\": 64, \"user\": \"" + question
                + "\", \"gen_length\": 16, \"block_length\": 16, \"steps\": 4, \"mode\": \"exact\", \"answer\": \""
                + answer + "\"}";
    }

    private static Run run(String... args) {
        return run(Terminal.NONE, "", args);
    }

    private static Run run(Terminal terminal, String input, String... args) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int exitCode = Main.run(
                new Shell(
                        new PrintWriter(out),
                        new PrintWriter(err),
                        new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)),
                        terminal),
                args);
        return new Run(exitCode, out.toString(), err.toString());
    }
}
