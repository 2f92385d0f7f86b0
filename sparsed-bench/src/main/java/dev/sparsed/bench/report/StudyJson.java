package dev.sparsed.bench.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sparsed.Commit;
import dev.sparsed.GenerationResult;
import dev.sparsed.StepEvent;
import dev.sparsed.attention.AttentionMode;
import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.attention.KeptMass;
import dev.sparsed.bench.canvas.Cell;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** A {@link PromptStudy} as the JSON that the page's script reads. Pictures are bytes in base 64, one per cell, 255 for all. */
final class StudyJson {

    /** Cells along a side of a pattern's picture. */
    private static final int MOST_CELLS = 64;

    /** Heads with a picture of their own: at 64 by 64 cells they take 350 kB. */
    private static final int MOST_HEADS = 64;

    private static final int COMPARED_HEADS = 5;
    private static final int COMPARED_STEPS = 5;
    private static final int MOST_PROMPT_CHARACTERS = 20_000;

    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    private final PromptStudy study;
    private final ObjectNode json = NODES.objectNode();

    private StudyJson(PromptStudy study) {
        this.study = study;
    }

    /** {@return the JSON of a study} */
    static ObjectNode of(PromptStudy study) {
        StudyJson writer = new StudyJson(study);
        writer.summary();
        writer.canvas();
        writer.patterns();
        writer.overSteps();
        return writer.json;
    }

    private void summary() {
        GenerationResult result = study.sparse();
        String prompt = study.prompt();
        int half = MOST_PROMPT_CHARACTERS / 2;
        boolean shortened = prompt.length() > MOST_PROMPT_CHARACTERS;
        json.put("family", study.model().family())
                .put("layers", study.model().layers())
                .put("heads", study.model().heads().queryHeads())
                .put("backend", result.backend().name())
                .put("device", result.backend().device())
                .put("policy", result.policy().toString())
                .put(
                        "prompt",
                        shortened
                                ? prompt.substring(0, half) + "\n[…]\n" + prompt.substring(prompt.length() - half)
                                : prompt)
                .put("promptTokens", result.promptLength())
                .put("genTokens", study.trace().start().size())
                .put("agreement", rounded(study.agreement()))
                .put("density", rounded(result.density()));
    }

    private void canvas() {
        ArrayNode start = json.putArray("canvas");
        study.trace().start().forEach(cell -> start.add(node(cell)));
        ArrayNode steps = json.putArray("steps");
        for (CanvasTrace.Step step : study.trace().steps()) {
            StepEvent event = step.event();
            ObjectNode node = steps.addObject()
                    .put("attention", mode(event.attention()))
                    .put("masksLeft", event.masksLeft())
                    .put("rows", event.forwarded().count())
                    .put("ms", Math.round(event.nanos() / 1e4) / 100.0);
            ArrayNode changes = node.putArray("changes");
            step.changes()
                    .forEach(change ->
                            changes.add(NODES.arrayNode().add(change.index()).add(node(change.cell()))));
            ArrayNode commits = node.putArray("commits");
            for (Commit commit : event.commits()) {
                ArrayNode pair = commits.addArray().add(study.trace().index(commit));
                if (Float.isNaN(commit.logProbability())) {
                    pair.addNull();
                } else {
                    pair.add(rounded(Math.exp(commit.logProbability())));
                }
            }
        }
    }

    /** A mask is null, a special token an array of its name, any other token its text. */
    private static JsonNode node(Cell cell) {
        return switch (cell.kind()) {
            case MASK -> NODES.nullNode();
            case SPECIAL -> NODES.arrayNode().add(cell.text());
            case FRESH, TOKEN -> NODES.textNode(cell.text());
        };
    }

    private static String mode(AttentionMode attention) {
        return switch (attention) {
            case DENSE -> "dense";
            case DENSE_AND_SELECT -> "dense, selects";
            case BLOCK_SPARSE -> "block-sparse";
            case SELECT_AND_SPARSE -> "selects, block-sparse";
        };
    }

    /** What the policy kept; nothing if all steps were dense. */
    private void patterns() {
        List<BlockPattern> layers = study.sparse().patterns();
        if (layers.isEmpty()) {
            return;
        }
        List<HeadPattern> heads = HeadPattern.of(layers);
        ObjectNode patterns = json.putObject("patterns");
        layout(patterns, layers.getFirst().layout());
        matrix(patterns.putArray("density"), byLayer(heads));
        if (!study.sparse().keptMass().isEmpty()) {
            matrix(patterns.putArray("keptMass"), study.sparse().keptMass());
        }
        ArrayNode samples = patterns.putArray("sampledMass");
        for (KeptMass sample : study.sparse().sampledMass()) {
            samples.addObject()
                    .put("step", sample.step())
                    .put("mean", rounded(sample.mean()))
                    .put("least", rounded(sample.least()));
        }
        ArrayNode pictures = patterns.putArray("pictures");
        shown(heads.size(), MOST_HEADS).mapToObj(heads::get).forEach(head -> picture(pictures.addObject(), head, null));
    }

    private static List<List<Double>> byLayer(List<HeadPattern> heads) {
        Map<Integer, List<Double>> layers = new LinkedHashMap<>();
        heads.forEach(head ->
                layers.computeIfAbsent(head.layer(), layer -> new ArrayList<>()).add(head.density()));
        return List.copyOf(layers.values());
    }

    /** How the patterns of the dense generation resemble each other, between steps and between heads. */
    private void overSteps() {
        ObjectNode node = json.putObject("similarity");
        List<Integer> steps = List.copyOf(study.selected().sequencedKeySet());
        List<List<HeadPattern>> byStep =
                study.selected().sequencedValues().stream().map(HeadPattern::of).toList();
        int reference = steps.indexOf(study.referenceStep());
        List<HeadPattern> atReference = byStep.get(reference);
        layout(node, study.selected().firstEntry().getValue().getFirst().layout());
        steps.forEach(node.putArray("steps")::add);
        double density =
                atReference.stream().mapToDouble(HeadPattern::density).average().orElseThrow();
        node.put("reference", study.referenceStep());
        node.put(
                "selects",
                study.trace().steps().stream()
                        .anyMatch(step -> !step.event().selected().isEmpty()));
        node.put("chance", rounded(density / (2 - density))); // of two patterns drawn independently, pair by pair
        ArrayNode rows = node.putArray("betweenSteps");
        for (List<HeadPattern> some : byStep) {
            ArrayNode row = rows.addArray();
            byStep.forEach(other -> row.add(rounded(PatternSimilarity.mean(some, other))));
        }
        ArrayNode curve = node.putArray("toReference");
        for (List<HeadPattern> some : byStep) {
            ArrayNode layers = curve.addArray();
            PatternSimilarity.byLayer(some, atReference).forEach(mean -> layers.add(rounded(mean)));
        }
        List<HeadPattern> heads =
                shown(atReference.size(), MOST_HEADS).mapToObj(atReference::get).toList();
        betweenHeads(node.putObject("heads"), heads);
        ArrayNode pictures = node.putArray("pictures");
        for (int head : PatternSimilarity.leastAlike(heads, COMPARED_HEADS)) {
            int index = atReference.indexOf(heads.get(head));
            shown(steps.size(), COMPARED_STEPS)
                    .forEach(step ->
                            picture(pictures.addObject(), byStep.get(step).get(index), steps.get(step)));
        }
    }

    private static void betweenHeads(ObjectNode node, List<HeadPattern> heads) {
        ArrayNode labels = node.putArray("labels");
        heads.forEach(head -> labels.add(NODES.arrayNode().add(head.layer()).add(head.head())));
        ArrayNode rows = node.putArray("similarity");
        for (HeadPattern some : heads) {
            ArrayNode row = rows.addArray();
            heads.forEach(other -> row.add(rounded(some.similarity(other))));
        }
    }

    private static void picture(ObjectNode node, HeadPattern head, @Nullable Integer step) {
        node.put("layer", head.layer()).put("head", head.head()).put("density", rounded(head.density()));
        if (step != null) {
            node.put("step", step);
        }
        node.put("cells", Base64.getEncoder().encodeToString(head.picture(MOST_CELLS)));
    }

    private static void layout(ObjectNode node, BlockLayout layout) {
        node.put("blocks", layout.blocks())
                .put("blockSize", layout.blockSize())
                .put("firstGenerationBlock", layout.firstGenerationBlock())
                .put("cells", Math.min(layout.blocks(), MOST_CELLS));
    }

    private static void matrix(ArrayNode node, List<List<Double>> rows) {
        for (List<Double> row : rows) {
            ArrayNode values = node.addArray();
            row.forEach(value -> values.add(rounded(value)));
        }
    }

    /** All of 0 … count − 1, or so many of them evenly spaced, the first and the last among them. */
    private static IntStream shown(int count, int most) {
        return count <= most
                ? IntStream.range(0, count)
                : IntStream.range(0, most).map(i -> (int) ((long) i * (count - 1) / (most - 1)));
    }

    private static double rounded(double value) {
        return Math.round(value * 1e4) / 1e4;
    }
}
