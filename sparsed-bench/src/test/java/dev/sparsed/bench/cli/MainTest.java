package dev.sparsed.bench.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
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

    @Test
    void generatesOnStandardOutputAndReportsOnStandardError() {
        Run run = Run.of("generate", "--prompt", "195351+5=", "--gen-length", "16", "--stats");
        assertThat(run.err()).contains("dense", "16", "tokens/s", "density 1.000");
        assertThat(run.out()).isEqualToNormalizingNewlines("195356\n");
        assertThat(run.exitCode()).isZero();
    }

    @Test
    void generatesWithSparseD() {
        Run run = Run.of(
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
        assertThat(run.out()).isEqualToNormalizingNewlines("195356\n");
        assertThat(run.err()).contains("dense + select", "block-sparse").containsPattern("layer +7 +density 0\\.\\d+");
    }

    @Test
    void aCacheAndAThresholdGiveTheAnswerInFewerPasses() {
        Run run = Run.of(
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
        assertThat(run.out()).isEqualToNormalizingNewlines("195356\n");
        assertThat(run.err()).containsPattern("[12] forward passes over the whole canvas, \\d over cached");
    }

    @Test
    void readsStandardInputAndPrintsTokens() {
        Run run = Run.of(Terminal.NONE, "95+1=\n", "generate", "-n", "4", "--steps", "1", "--output-tokens");
        assertThat(run.err()).contains("4 tokens in");
        assertThat(run.out().strip()).matches("\\d+,\\d+,\\d+,\\d+");
        Run tokens = Run.of(
                "generate", "--prompt-tokens", "5,6,7", "-n", "2", "--seed", "3", "--temperature", "1", "-t", "1");
        assertThat(tokens.exitCode()).isZero();
    }

    @Test
    void drawsTheCanvasOnATerminalAndLeavesTheAnswer() {
        Run run = Run.of(LIVE, "", "generate", "-p", "95+1=", "-n", "4", "--steps", "2", "--no-color");
        assertThat(run.out())
                .startsWith("\033[?25l")
                .contains("░░░░\033[K\n", "0 masks left")
                .doesNotContain("\033[2m")
                .containsPattern("\033\\[J\033\\[\\?25h[^\033]*$");
        Run plain = Run.of(LIVE, "", "generate", "-p", "95+1=", "-n", "4", "--steps", "2", "--plain");
        assertThat(plain.out()).doesNotContain("\033");
        assertThat(run.out()).endsWith(plain.out());
    }

    @Test
    void fillsTheGapsOfATemplate() {
        Run run = Run.of("generate", "-p", "195351+5=", "--infill", "195[MASK*3]<|eot_id|>", "--log-probs");
        assertThat(run.out()).isEqualToNormalizingNewlines("195356\n");
        assertThat(run.err().lines().filter(line -> line.contains(" fixed ")))
                .hasSizeGreaterThan(1)
                .last()
                .asString()
                .endsWith("<|eot_id|>");
        Run live = Run.of(LIVE, "", "generate", "-p", "95+1=", "--infill", "<[MASK]>", "--no-color");
        assertThat(live.out()).contains("<░>\033[K\n", ", 1 of them masks");
    }

    @Test
    void tokensMayBeForbiddenFavouredAndAnEnd() {
        Run forbidden = Run.of("generate", "-p", "95+1=", "-n", "4", "--steps", "1", "--forbid", "\"9\"");
        assertThat(forbidden.exitCode()).isZero();
        assertThat(forbidden.out()).doesNotContain("9");
        Run favoured = Run.of("generate", "-p", "95+1=", "-n", "4", "--steps", "1", "--logit-bias", "\"7\"=1000");
        assertThat(favoured.out()).isEqualToNormalizingNewlines("7777\n");
        Run stopped = Run.of("generate", "-p", "195351+5=", "-n", "16", "--stop", "53", "--stop-token", "<|eot_id|>");
        assertThat(stopped.out()).isEqualToNormalizingNewlines("19\n");
        Run token = Run.of("generate", "-p", "195351+5=", "-n", "16", "--stop-token", "\"3\"");
        assertThat(token.out()).isEqualToNormalizingNewlines("195\n");
    }

    @Test
    void printsACompletionPerSeedAsJson() throws IOException {
        String command = "generate -p 95+1= -n 4 --steps 2 --temperature 2";
        Run run = Run.of((command + " --seed 8 --completions 2 --json").split(" "));
        List<String> lines = run.out().lines().toList();
        assertThat(lines).hasSize(2);
        for (int i = 0; i < 2; i++) {
            JsonNode object = new ObjectMapper().readTree(lines.get(i));
            assertThat(object.get("seed").asInt()).isEqualTo(8 + i);
            assertThat(object.get("tokens")).hasSize(4);
            assertThat(object.get("log_probabilities")).hasSize(4).allMatch(value -> value.asDouble() < 0);
            assertThat(object.get("text").isTextual()).isTrue();
            assertThat(object.get("forwards").asInt()).isEqualTo(2);
            Run alone = Run.of((command + " --seed " + (8 + i) + " --output-tokens").split(" "));
            assertThat(object.get("tokens").toString())
                    .isEqualTo("[" + alone.out().strip() + "]");
        }
        assertThat(lines.get(0)).isNotEqualTo(lines.get(1));
    }

    @Test
    void tellsWhatItRunsOn() {
        Run run = Run.of("info", "--threads", "2");
        assertThat(run.exitCode()).isZero();
        assertThat(run.out())
                .contains("7,475,456 in 14.3 MiB", "75 tensors of BF16", "LLADA", "8,192 tokens", "2044")
                .contains(System.getProperty("java.version"))
                .containsPattern("scalar +available")
                .containsPattern("threads +2");
    }

    @Test
    void timesWholeSteps() {
        Run run = Run.of(
                "bench-forward", "--shape", "demo", "--tokens", "40", "-n", "8", "--repeats", "1", "--layers", "2");
        assertThat(run.err()).isEmpty();
        assertThat(run.out())
                .contains("shape demo, 2 of 8 layers, BF16 weights")
                .containsPattern("\n +40( +\\d+\\.\\d+ s){3} +[01]\\.\\d+( +\\d+\\.\\d s){2} +\\d+\\.\\d\\dx");
        assertThat(run.exitCode()).isZero();
    }

    @Test
    void helps() {
        assertThat(Run.of("--help").out()).contains("Usage: sparsed", "generate", "demo", "quality", "info", "bench");
        assertThat(Run.of("--version").out())
                .containsPattern("sparsed \\d+\\.\\d+\\.\\d+")
                .contains(Runtime.version().toString());
        Run none = Run.of();
        assertThat(none.exitCode()).isEqualTo(2);
        assertThat(none.err()).contains("Usage: sparsed");
    }

    @ParameterizedTest
    @ValueSource(strings = {"generate", "chat", "demo", "quality", "tasks", "info"})
    void everySubcommandHelps(String subcommand) {
        Run run = Run.of(subcommand, "--help");
        assertThat(run.exitCode()).isZero();
        assertThat(run.out()).startsWith("Usage: sparsed " + subcommand).contains("--backend", "--model");
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
            generate -p x --top_k 0             | 1 | topK = 0: must be at least 1
            generate --prompt_file=no_such_file | 1 | no_such_file: no such file
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
        Run run = Run.of(arguments.split(" "));
        assertThat(run.err().strip()).startsWith("sparsed: ").hasLineCount(1).contains(message);
        assertThat(run.out()).isEmpty();
        assertThat(run.exitCode()).isEqualTo(exitCode);
    }

    @Test
    void asksForAPromptInsteadOfWaitingForOne() {
        Run run = Run.of(LIVE, "never read", "generate");
        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.err()).startsWith("sparsed: prompt = nothing: give --prompt TEXT");
    }

    @Test
    void refusesInputThatIsNoText() throws IOException {
        Path file = Files.write(scratch.resolve("latin"), "für".getBytes(StandardCharsets.ISO_8859_1));
        assertThat(Run.of("generate", "-f", file.toString()).err()).contains("latin: not UTF-8");
    }

    @Test
    void showsTheStackTraceOnlyWhenAsked() {
        assertThat(Run.of("generate", "-p", "x", "-n", "0").err()).doesNotContain("\tat ");
        assertThat(Run.of("generate", "-p", "x", "-n", "0", "--stacktrace").err())
                .contains("\tat dev.sparsed.");
    }
}
