package dev.sparsed.bench.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sparsed.DiffusionModel;
import dev.sparsed.GenerationRequest;
import dev.sparsed.GenerationResult;
import dev.sparsed.attention.AttentionPolicy;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.attention.SparseD;
import dev.sparsed.bench.DemoModel;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** On the demo model: "195351+5=" in 16 tokens and 8 steps, blocks of 8. */
class PromptStudyTest {

    private static DemoModel demo;
    private static DiffusionModel model;
    private static PromptStudy study;
    private static JsonNode json;

    private static GenerationRequest.Builder request() {
        return GenerationRequest.builder()
                .user("195351+5=")
                .genLength(16)
                .steps(8)
                .policy(new SparseD(0.2, 0.3, 8));
    }

    @BeforeAll
    static void look() throws IOException {
        demo = DemoModel.open();
        model = DiffusionModel.load(demo.folder());
        study = PromptStudy.of(model, "195351+5=", request(), UnaryOperator.identity());
        json = ReportPageTest.data(ReportPage.html("One sum", null, study)).get("study");
    }

    @AfterAll
    static void close() {
        model.close();
        demo.close();
    }

    /** Selecting and measuring change nothing. */
    @Test
    void generatesWhatTheModelGeneratesWithoutBeingLookedAt() {
        GenerationResult dense =
                model.generate(request().policy(AttentionPolicy.dense()).build());
        GenerationResult sparse = model.generate(request().build());
        assertThat(study.dense().tokens()).isEqualTo(dense.tokens());
        assertThat(study.sparse().tokens()).isEqualTo(sparse.tokens());
        assertThat(study.sparse().patterns()).isEqualTo(sparse.patterns());
    }

    @Test
    void theStepsLeadFromMasksToTheAnswer() {
        List<JsonNode> canvas = new ArrayList<>();
        json.get("canvas").forEach(canvas::add);
        assertThat(canvas).hasSize(16).allMatch(JsonNode::isNull);
        assertThat(json.get("steps")).hasSize(8);
        for (JsonNode step : json.get("steps")) {
            step.get("changes").forEach(change -> canvas.set(change.get(0).asInt(), change.get(1)));
            assertThat(canvas.stream().filter(JsonNode::isNull))
                    .hasSize(step.get("masksLeft").asInt());
            assertThat(step.get("commits"))
                    .hasSize(2)
                    .allSatisfy(commit -> assertThat(commit.get(1).asDouble()).isBetween(0.0, 1.0));
        }
        StringBuilder text = new StringBuilder();
        canvas.stream().filter(JsonNode::isTextual).map(JsonNode::textValue).forEach(text::append);
        assertThat(text).hasToString(study.sparse().text());
        assertThat(json.get("steps"))
                .extracting(step -> step.get("attention").asText())
                .containsExactly(
                        "dense",
                        "dense",
                        "dense, selects", // e = ⌊8 · 0.2⌋ + 1
                        "block-sparse",
                        "block-sparse",
                        "block-sparse",
                        "block-sparse",
                        "block-sparse");
    }

    @Test
    void picturesShowThePatternsThatRan() {
        JsonNode kept = json.get("patterns");
        int cells = kept.get("cells").asInt();
        assertThat(kept.get("pictures")).hasSize(8 * 4);
        for (JsonNode picture : kept.get("pictures")) {
            BlockPattern layer =
                    study.sparse().patterns().get(picture.get("layer").asInt());
            int head = picture.get("head").asInt();
            byte[] shares = Base64.getDecoder().decode(picture.get("cells").asText());
            assertThat(shares).hasSize(cells * cells);
            for (int i = 0; i < shares.length; i++) {
                assertThat(shares[i]).isEqualTo((byte) (layer.isKept(head, i / cells, i % cells) ? 255 : 0));
            }
        }
        assertThat(kept.get("density")).hasSize(8).allMatch(layer -> layer.size() == 4);
        assertThat(kept.get("keptMass").get(7).get(3).asDouble())
                .isCloseTo(study.sparse().keptMass().get(7).get(3), within(1e-4));
    }

    @Test
    void everySecondBlockSparseStepSamplesWhatThePatternsKeep() {
        JsonNode samples = json.get("patterns").get("sampledMass");
        assertThat(samples).extracting(sample -> sample.get("step").asInt()).containsExactly(4, 6);
        for (JsonNode sample : samples) {
            double least = sample.get("least").asDouble();
            double mean = sample.get("mean").asDouble();
            assertThat(least).isBetween(0.01, mean);
            assertThat(mean).isBetween(least, 1.0001);
        }
    }

    @Test
    void similarityIsThatOfTheSelectionsInEveryStep() {
        JsonNode similarity = json.get("similarity");
        assertThat(similarity.get("steps")).extracting(JsonNode::asInt).containsExactly(0, 1, 2, 3, 4, 5, 6, 7);
        assertThat(similarity.get("reference").asInt()).isEqualTo(2);
        assertThat(similarity.get("selects").asBoolean()).isTrue();
        double expected = 0; // steps 0 and 7, by counting
        List<BlockPattern> first = study.selected().get(0);
        List<BlockPattern> last = study.selected().get(7);
        int blocks = first.getFirst().layout().blocks();
        for (int layer = 0; layer < 8; layer++) {
            for (int head = 0; head < 4; head++) {
                int common = 0;
                int all = 0;
                for (int i = 0; i < blocks * blocks; i++) {
                    boolean one = first.get(layer).isKept(head, i / blocks, i % blocks);
                    boolean other = last.get(layer).isKept(head, i / blocks, i % blocks);
                    common += one && other ? 1 : 0;
                    all += one || other ? 1 : 0;
                }
                expected += (double) common / all / 32;
            }
        }
        JsonNode between = similarity.get("betweenSteps");
        assertThat(between.get(0).get(7).asDouble())
                .isCloseTo(expected, within(1e-4))
                .isLessThan(1);
        assertThat(between.get(7).get(0)).isEqualTo(between.get(0).get(7));
        assertThat(between.get(4).get(4).asDouble()).isEqualTo(1);
        assertThat(similarity.get("toReference").get(2))
                .extracting(JsonNode::asDouble)
                .containsOnly(1.0);
        assertThat(study.selected().get(2)).isEqualTo(study.sparse().patterns());
        assertThat(similarity.get("heads").get("similarity")).hasSize(32).allMatch(row -> row.size() == 32);
    }
}
