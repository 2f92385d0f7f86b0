package dev.sparsed.bench.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sparsed.bench.quality.TaskFileException;
import dev.sparsed.bench.quality.TaskOutcome;
import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.StreamSupport;

/** What many tasks came to, by setting, kind of task and length. Reads what {@code sparsed quality --out} writes. */
public final class QualityChart {

    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final List<String> REQUIRED = List.of(
            "cache", "rule", "policy", "id", "task", "length", "prompt", "solved", "tokens", "density", "seconds");

    /** The files' lines by what they are about; of lines about the same, the last one counts. */
    private final Map<Key, JsonNode> outcomes = new LinkedHashMap<>();

    private record Key(String cache, String rule, String policy, int id, String prompt) {

        Key dense() {
            return new Key(cache, rule, "dense", id, prompt);
        }
    }

    private record Group(String setting, String task, int length) {}

    private QualityChart() {}

    /**
     * Reads files of outcomes.
     *
     * @param files at least one, of one model
     * @return what they hold
     * @throws TaskFileException if a file cannot be read, a line is malformed, or there is no outcome
     */
    public static QualityChart read(List<Path> files) {
        QualityChart chart = new QualityChart();
        for (Path file : files) {
            try {
                chart.add(file, Files.readString(file, StandardCharsets.UTF_8));
            } catch (NoSuchFileException e) {
                throw new TaskFileException(file + ": no such file", e);
            } catch (MalformedInputException e) {
                throw new TaskFileException(file + ": not UTF-8: not a file of outcomes", e);
            } catch (IOException e) {
                throw new TaskFileException(file + ": cannot be read: " + e.getMessage(), e);
            }
        }
        if (chart.outcomes.isEmpty()) {
            throw new TaskFileException(
                    files.getFirst() + ": holds no outcome; sparsed quality --out writes them", null);
        }
        return chart;
    }

    private void add(Path file, String text) {
        String whole = text.substring(0, text.lastIndexOf('\n') + 1); // a last line may not be finished yet
        int number = 0;
        for (String line : whole.lines().toList()) {
            number++;
            JsonNode outcome;
            try {
                outcome = JSON.readTree(line);
            } catch (JsonProcessingException e) {
                throw new TaskFileException(file + ":" + number + ": not JSON: " + e.getOriginalMessage(), e);
            }
            for (String field : REQUIRED) {
                if (!outcome.has(field)) {
                    throw new TaskFileException(
                            file + ":" + number + ": no " + field + ": not a file of outcomes", null);
                }
            }
            Key key = new Key(
                    outcome.get("cache").asText(),
                    outcome.get("rule").asText(),
                    outcome.get("policy").asText(),
                    outcome.get("id").asInt(),
                    outcome.get("prompt").asText());
            outcomes.put(key, outcome);
        }
    }

    /** {@return {@code settings}, their names in the order of the files, and {@code rows}, one per setting, task and length} */
    ObjectNode json() {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        boolean caches = outcomes.keySet().stream().map(Key::cache).distinct().count() > 1;
        boolean rules = outcomes.keySet().stream().map(Key::rule).distinct().count() > 1;
        Map<Group, List<Key>> groups = new LinkedHashMap<>();
        Set<String> names = new HashSet<>();
        ArrayNode settings = json.putArray("settings");
        outcomes.forEach((key, outcome) -> {
            // cache and rule are named only where they are not the same for all
            String name = key.policy + (caches ? ", cache " + key.cache : "") + (rules ? ", " + key.rule : "");
            if (names.add(name)) {
                settings.add(name);
            }
            Group group = new Group(
                    name, outcome.get("task").asText(), outcome.get("length").asInt());
            groups.computeIfAbsent(group, none -> new ArrayList<>()).add(key);
        });
        ArrayNode rows = json.putArray("rows");
        groups.forEach((group, keys) -> row(rows.addObject(), group, keys));
        return json;
    }

    private void row(ObjectNode row, Group group, List<Key> keys) {
        Map<String, double[]> sums = new HashMap<>();
        int solved = 0;
        for (Key key : keys) {
            JsonNode outcome = outcomes.get(key);
            solved += outcome.get("solved").asBoolean() ? 1 : 0;
            for (String field : List.of("density", "kept_mass", "forwards", "seconds")) {
                if (outcome.path(field).isNumber()) {
                    add(sums, field, outcome.get(field).asDouble());
                }
            }
            JsonNode dense = outcomes.get(key.dense());
            if (dense != null) {
                add(sums, "agreement", TaskOutcome.agreement(tokens(outcome), tokens(dense)));
            }
        }
        row.put("setting", group.setting)
                .put("task", group.task)
                .put("length", group.length)
                .put("tasks", keys.size())
                .put("solved", solved);
        sums.forEach((field, sum) -> row.put(field, Math.round(1e4 * sum[0] / sum[1]) / 1e4));
    }

    private static void add(Map<String, double[]> sums, String field, double value) {
        double[] sum = sums.computeIfAbsent(field, none -> new double[2]);
        sum[0] += value;
        sum[1]++;
    }

    private static List<Integer> tokens(JsonNode outcome) {
        return StreamSupport.stream(outcome.get("tokens").spliterator(), false)
                .map(JsonNode::asInt)
                .toList();
    }
}
