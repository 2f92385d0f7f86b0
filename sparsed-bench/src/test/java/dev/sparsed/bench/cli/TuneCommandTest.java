package dev.sparsed.bench.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.sparsed.bench.DemoModel;
import dev.sparsed.bench.ModelShape;
import dev.sparsed.bench.RandomCheckpoint;
import dev.sparsed.spi.DType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** On a model of random weights, which sparsity changes as soon as it drops anything. */
class TuneCommandTest {

    private static final ModelShape TINY = new ModelShape(32, 2, 2, 48, 2049);

    @TempDir
    private static Path scratch;

    private static Path model;

    /** The demo model's tokenizer goes with any model that has its tokens, and one more for the mask. */
    @BeforeAll
    static void write() throws IOException {
        model = Files.createDirectory(scratch.resolve("model"));
        try (RandomCheckpoint checkpoint = RandomCheckpoint.write(TINY, DType.F32, 256, 5);
                DemoModel demo = DemoModel.open()) {
            for (String name : List.of("config.json", "model.safetensors")) {
                Files.copy(checkpoint.folder().resolve(name), model.resolve(name));
            }
            for (String name : List.of("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")) {
                Files.copy(demo.folder().resolve(name), model.resolve(name));
            }
        }
    }

    private static Run tune(Path out, String... more) {
        List<String> args = new ArrayList<>(List.of("tune", "-m", model.toString(), "--out", out.toString()));
        args.addAll(List.of("--skips", "0.1,0.3", "--selects", "0.1,1", "--coverages", "1", "--block-sizes", "8,16"));
        args.addAll(List.of("-p", "Name a river.", "-p", "195351+5= and then a few words", "-n", "16"));
        args.addAll(List.of(more));
        return Run.of(args.toArray(String[]::new));
    }

    @Test
    void agreementIsWithTheDenseTokensAndWhatIsKnownIsNotComputedAgain() throws IOException {
        Path file = scratch.resolve("tune.jsonl");
        Run run = tune(file, "--agreement", "0", "--finalists", "0");
        assertThat(run.err()).contains("dense [2/2] prompt ", "agrees ");
        assertThat(run.exitCode()).isZero();
        List<String> lines = Files.readAllLines(file);
        Matcher row = Pattern.compile("(?m)^(sparsed:skip=0.3:select=0.1:block-size=8) .*?([0-9.]+) %")
                .matcher(run.out());
        assertThat(row.find()).as(run.out()).isTrue();
        double sum = 0;
        for (int prompt = 0; prompt < 2; prompt++) {
            JsonNode dense = tokens(lines, "dense", prompt);
            JsonNode sparse = tokens(lines, row.group(1), prompt);
            int longer = Math.max(dense.size(), sparse.size());
            int same = 0;
            for (int i = 0; i < Math.min(dense.size(), sparse.size()); i++) {
                same += dense.get(i).equals(sparse.get(i)) ? 1 : 0;
            }
            sum += (double) same / longer;
        }
        assertThat(sum / 2).isStrictlyBetween(0.0, 1.0);
        assertThat(Double.parseDouble(row.group(2))).isCloseTo(50 * sum, within(0.06));

        Run again = tune(file, "--agreement", "0", "--finalists", "0");
        assertThat(again.out()).isEqualTo(run.out());
        assertThat(Files.readAllLines(file)).isEqualTo(lines);
    }

    private static JsonNode tokens(List<String> lines, String policy, int id) throws IOException {
        for (String line : lines) {
            JsonNode outcome = new ObjectMapper().readTree(line);
            if (outcome.get("policy").asText().equals(policy)
                    && outcome.get("id").asInt() == id) {
                return outcome.get("tokens");
            }
        }
        throw new AssertionError("no outcome of " + policy + " for " + id);
    }

    /** Keeping all is dense attention; nothing else has all of a random model's tokens. */
    @Test
    void onlyWhatKeepsAllReachesABoundOfOne() {
        Run run = tune(scratch.resolve("one.jsonl"), "--agreement", "1");
        assertThat(run.out())
                .containsPattern("(?m)^sparsed:skip=0.[13]:select=1.0:block-size=\\d+ .* 100.0 %")
                .containsPattern("(?m)^sparsed:skip=0.[13]:select=0.1:block-size=\\d+ +< ")
                .containsPattern("new (SparseD\\(0.[13], 1.0, |Coverage\\(0.[13], 1.0, 0, 1, )|stay with it");
        assertThat(run.exitCode()).isZero();
    }

    @Test
    void theFastestAreTimedAgain() {
        Run run = tune(scratch.resolve("finals.jsonl"), "--agreement", "0", "--finalists", "2");
        assertThat(run.out())
                .containsPattern("Timed again, .*\\R( *\\d+\\.\\d\\d  (sparsed|coverage):skip=.*\\R){2}\\R")
                .containsPattern("\\.policy\\(new (SparseD|Coverage)\\(0.[13], |is not faster: stay with it");
        assertThat(run.exitCode()).isZero();
    }

    @Test
    void choosesThePolicyItself() {
        Run run = tune(scratch.resolve("none.jsonl"), "--policy", "sparsed");
        assertThat(run.err()).contains("tune chooses the policy").hasLineCount(1);
        assertThat(run.exitCode()).isEqualTo(1);
    }
}
