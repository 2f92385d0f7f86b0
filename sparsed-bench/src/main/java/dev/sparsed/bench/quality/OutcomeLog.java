package dev.sparsed.bench.quality;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.StreamSupport;

/**
 * Outcomes as they come, one JSON object per line with the fields {@code setting} (all that decides the outcome, in
 * words), {@code cache}, {@code rule} and {@code policy} (as in {@link Setting}), {@code id}, {@code task}, {@code length}, {@code prompt} (a hash), {@code
 * tokens}, {@code answer}, {@code solved}, {@code density}, {@code kept_mass} (if it was measured), {@code forwards}, {@code rows} and {@code seconds}, which
 * mean the same as in {@link TaskOutcome}. What a file holds need not be computed again,
 * so a long comparison may be interrupted; a last line that was not finished is dropped.
 */
public final class OutcomeLog implements AutoCloseable {

    private static final JsonMapper JSON = JsonMapper.builder().build();

    private static final List<String> REQUIRED =
            List.of("setting", "id", "prompt", "solved", "answer", "tokens", "density", "seconds");

    private final Path file;
    private final FileChannel channel;
    private final Map<Key, JsonNode> known = new HashMap<>();

    private record Key(String setting, int id, String prompt) {}

    private OutcomeLog(Path file, FileChannel channel) {
        this.file = file;
        this.channel = channel;
    }

    /**
     * Opens a file, or creates it.
     *
     * @param file where
     * @return the log; the caller closes it
     * @throws TaskFileException if the file cannot be read or a line is malformed
     */
    public static OutcomeLog open(Path file) {
        try {
            byte[] bytes = Files.exists(file) ? Files.readAllBytes(file) : new byte[0];
            int end = bytes.length;
            while (end > 0 && bytes[end - 1] != '\n') {
                end--;
            }
            OutcomeLog log =
                    new OutcomeLog(file, FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE));
            try {
                log.read(new String(bytes, 0, end, StandardCharsets.UTF_8));
                log.channel.truncate(end).position(end);
                return log;
            } catch (IOException | RuntimeException e) {
                log.channel.close();
                throw e;
            }
        } catch (IOException e) {
            throw new TaskFileException(file + ": cannot be opened: " + e.getMessage(), e);
        }
    }

    private void read(String lines) {
        int number = 0;
        for (String line : lines.lines().toList()) {
            number++;
            try {
                JsonNode outcome = JSON.readTree(line);
                for (String field : REQUIRED) {
                    if (!outcome.has(field)) {
                        throw new TaskFileException(
                                file + ":" + number + ": no " + field + ": not a file of outcomes", null);
                    }
                }
                known.put(
                        new Key(
                                outcome.get("setting").asText(),
                                outcome.get("id").asInt(),
                                outcome.get("prompt").asText()),
                        outcome);
            } catch (JsonProcessingException e) {
                throw new TaskFileException(file + ":" + number + ": not JSON: " + e.getOriginalMessage(), e);
            }
        }
    }

    /**
     * {@return what came of a task, if it is known}
     *
     * @param setting model and options, in words that tell all that decides the outcome
     * @param task the task
     */
    public Optional<TaskOutcome> find(String setting, Task task) {
        return Optional.ofNullable(known.get(new Key(setting, task.id(), prompt(task))))
                .map(outcome -> new TaskOutcome(
                        task,
                        StreamSupport.stream(outcome.path("tokens").spliterator(), false)
                                .map(JsonNode::asInt)
                                .toList(),
                        outcome.path("answer").asText(),
                        outcome.path("solved").asBoolean(),
                        outcome.path("density").asDouble(),
                        outcome.path("kept_mass").asDouble(Double.NaN),
                        outcome.path("forwards").asInt(),
                        outcome.path("rows").asLong(),
                        outcome.path("seconds").asDouble()));
    }

    /**
     * Writes what came of a task; it is in the file when this returns.
     *
     * @param setting model and options, as for {@link #find}
     * @param names what the setting is called
     * @param outcome what came of it
     */
    public void add(String setting, Setting names, TaskOutcome outcome) {
        Task task = outcome.task();
        ObjectNode line = JSON.createObjectNode()
                .put("setting", setting)
                .put("cache", names.cache())
                .put("rule", names.rule())
                .put("policy", names.policy())
                .put("id", task.id())
                .put("task", task.name())
                .put("length", task.length())
                .put("prompt", prompt(task))
                .put("solved", outcome.solved())
                .put("answer", outcome.answer())
                .put("density", outcome.density())
                .put("forwards", outcome.forwards())
                .put("rows", outcome.rowsForwarded())
                .put("seconds", outcome.seconds());
        if (!Double.isNaN(outcome.keptMass())) {
            line.put("kept_mass", outcome.keptMass());
        }
        outcome.tokens().forEach(line.putArray("tokens")::add);
        ByteBuffer bytes = ByteBuffer.wrap((line + "\n").getBytes(StandardCharsets.UTF_8));
        try {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be written: " + e.getMessage(), e);
        }
        known.put(new Key(setting, task.id(), prompt(task)), line);
    }

    /** Another file may have another task of the same number. */
    private static String prompt(Task task) {
        return Integer.toHexString((task.user() + "\n" + task.assistantPrefix() + "\n" + task.expected()).hashCode());
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw new UncheckedIOException(file + ": cannot be closed: " + e.getMessage(), e);
        }
    }
}
