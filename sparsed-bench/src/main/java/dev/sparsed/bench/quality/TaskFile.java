package dev.sparsed.bench.quality;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Reads tasks: UTF-8, one JSON object per line with the fields {@code id}, {@code task}, {@code length}, {@code user},
 * {@code assistant_prefix} (optional), {@code gen_length}, {@code block_length}, {@code steps}, {@code mode} and
 * {@code answer} (a string or a list of strings). Other fields are ignored.
 */
public final class TaskFile {

    private static final JsonMapper JSON = JsonMapper.builder().build();

    private TaskFile() {}

    /**
     * Reads a file.
     *
     * @param file where
     * @return its tasks in order
     * @throws TaskFileException if it cannot be read or a line is malformed
     */
    public static List<Task> read(Path file) {
        try (InputStream in = Files.newInputStream(file)) {
            return read(in, file.toString());
        } catch (NoSuchFileException e) {
            throw new TaskFileException(file + ": no such file", e);
        } catch (IOException e) {
            throw new TaskFileException(file + ": cannot be read: " + e.getMessage(), e);
        }
    }

    /**
     * Reads a stream to its end.
     *
     * @param in the bytes; left open
     * @param name how messages call it
     * @return its tasks in order
     * @throws TaskFileException if it cannot be read or a line is malformed
     */
    public static List<Task> read(InputStream in, String name) {
        List<Task> tasks = new ArrayList<>();
        int number = 0;
        try {
            BufferedReader reader = new BufferedReader(
                    new InputStreamReader(in, StandardCharsets.UTF_8.newDecoder())); // reports bad bytes
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                number++;
                if (!line.isBlank()) {
                    tasks.add(task(JSON.readTree(line)));
                }
            }
            return tasks;
        } catch (JsonProcessingException e) {
            throw new TaskFileException(name + ":" + number + ": not JSON: " + e.getOriginalMessage(), e);
        } catch (IOException e) {
            throw new TaskFileException(name + ":" + (number + 1) + ": cannot be read: " + e, e);
        } catch (IllegalArgumentException e) {
            throw new TaskFileException(name + ":" + number + ": " + e.getMessage(), e);
        }
    }

    /**
     * A task as a line of such a file.
     *
     * @param task the task
     * @return JSON without a line end
     */
    public static String line(Task task) {
        ObjectNode line = JSON.createObjectNode()
                .put("id", task.id())
                .put("task", task.name())
                .put("length", task.length())
                .put("user", task.user())
                .put("assistant_prefix", task.assistantPrefix())
                .put("gen_length", task.genLength())
                .put("block_length", task.blockLength())
                .put("steps", task.steps())
                .put("mode", task.mode().name().toLowerCase(Locale.ROOT));
        if (task.mode() == AnswerMode.EXACT || task.mode() == AnswerMode.SUDOKU) {
            line.put("answer", task.answer().getFirst());
        } else {
            task.answer().forEach(line.putArray("answer")::add);
        }
        return line.toString();
    }

    private static Task task(JsonNode line) {
        return new Task(
                integer(line, "id", 0),
                text(line, "task"),
                integer(line, "length", 1),
                text(line, "user"),
                line.has("assistant_prefix") ? text(line, "assistant_prefix") : "",
                integer(line, "gen_length", 1),
                integer(line, "block_length", 1),
                integer(line, "steps", 1),
                mode(text(line, "mode")),
                answer(line.path("answer")));
    }

    private static String text(JsonNode line, String field) {
        JsonNode value = line.path(field);
        if (!value.isTextual()) {
            throw new IllegalArgumentException(field + " = " + value + ": must be a string");
        }
        return value.textValue();
    }

    private static int integer(JsonNode line, String field, int least) {
        JsonNode value = line.path(field);
        if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < least) {
            throw new IllegalArgumentException(field + " = " + value + ": must be an integer >= " + least);
        }
        return value.intValue();
    }

    private static AnswerMode mode(String name) {
        for (AnswerMode mode : AnswerMode.values()) {
            if (mode.name().toLowerCase(Locale.ROOT).equals(name)) {
                return mode;
            }
        }
        throw new IllegalArgumentException(
                "mode = \"" + name + "\": must be one of exact, nums, numset, list, set, sudoku");
    }

    private static List<String> answer(JsonNode value) {
        if (value.isTextual()) {
            return List.of(value.textValue());
        }
        List<String> parts = new ArrayList<>();
        for (JsonNode part : value) {
            if (!part.isTextual()) {
                throw new IllegalArgumentException("answer = " + value + ": must be a string or a list of strings");
            }
            parts.add(part.textValue());
        }
        return parts;
    }
}
