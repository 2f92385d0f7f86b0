package dev.sparsed.internal.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sparsed.CheckpointException;
import java.nio.file.Path;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * The fields of the JSON object in a configuration file, each read with its type and range. A field that is JSON's
 * {@code null} counts as absent. Every failure is a {@link CheckpointException} that names file, field, expected and
 * found.
 *
 * @param file where the object comes from
 * @param object a JSON object
 */
public record JsonFields(Path file, JsonNode object) {

    private static final int MAX_SHOWN = 80;

    /** Checks that it is an object. */
    public JsonFields {
        if (!object.isObject()) {
            throw new CheckpointException(file + ": expected a JSON object, found " + show(object));
        }
    }

    /**
     * Reads a file.
     *
     * @param file a JSON file that holds an object
     * @return its fields
     */
    public static JsonFields read(Path file) {
        return new JsonFields(file, JsonFiles.read(file));
    }

    /**
     * A field's value.
     *
     * @param name the field
     * @return its value, or null if it is absent or null
     */
    public @Nullable JsonNode find(String name) {
        JsonNode value = object.get(name);
        return value == null || value.isNull() ? null : value;
    }

    /**
     * Whether a field has a value.
     *
     * @param name the field
     * @return true unless it is absent or null
     */
    public boolean has(String name) {
        return find(name) != null;
    }

    /**
     * A required integer.
     *
     * @param name the field
     * @param min smallest value allowed
     * @param max largest value allowed
     * @return its value
     */
    public int integer(String name, int min, int max) {
        JsonNode value = find(name);
        if (value == null
                || !value.isIntegralNumber()
                || !value.canConvertToInt()
                || value.intValue() < min
                || value.intValue() > max) {
            throw wrong(name, "an integer " + min + " ... " + max);
        }
        return value.intValue();
    }

    /**
     * An optional integer.
     *
     * @param name the field
     * @param min smallest value allowed
     * @param max largest value allowed
     * @return its value, or empty if it is absent or null
     */
    public OptionalInt optionalInteger(String name, int min, int max) {
        return has(name) ? OptionalInt.of(integer(name, min, max)) : OptionalInt.empty();
    }

    /**
     * A required number.
     *
     * @param name the field
     * @param min smallest value allowed
     * @param max largest value allowed
     * @return its value, finite
     */
    public double number(String name, double min, double max) {
        JsonNode value = find(name);
        if (value == null || !value.isNumber() || !(value.doubleValue() >= min && value.doubleValue() <= max)) {
            throw wrong(name, "a number " + min + " ... " + max);
        }
        return value.doubleValue();
    }

    /**
     * A required boolean.
     *
     * @param name the field
     * @return its value
     */
    public boolean flag(String name) {
        JsonNode value = find(name);
        if (value == null || !value.isBoolean()) {
            throw wrong(name, "true or false");
        }
        return value.booleanValue();
    }

    /**
     * An optional boolean.
     *
     * @param name the field
     * @param absent its meaning when it is absent or null
     * @return its value
     */
    public boolean flag(String name, boolean absent) {
        return has(name) ? flag(name) : absent;
    }

    /**
     * Refuses every value but one, for an option of which only that value is implemented.
     *
     * @param name the field; must be there
     * @param supported the value
     */
    public void only(String name, String supported) {
        JsonNode value = find(name);
        if (value == null || !value.isTextual() || !value.textValue().equals(supported)) {
            throw wrong(name, "\"" + supported + "\" (nothing else is supported)");
        }
    }

    /**
     * Refuses every value but one, for a switch of which only that position is implemented.
     *
     * @param name the field
     * @param supported the value
     * @param absent its meaning when it is absent or null
     */
    public void only(String name, boolean supported, boolean absent) {
        if (flag(name, absent) != supported) {
            throw wrong(name, supported + " (nothing else is supported)");
        }
    }

    /**
     * Refuses every value, for an option that is not implemented.
     *
     * @param name the field; must be absent or null
     */
    public void none(String name) {
        if (has(name)) {
            throw wrong(name, "null or nothing (it is not supported)");
        }
    }

    /**
     * The exception for a field.
     *
     * @param name the field
     * @param expected in words
     * @return an exception that names file, field, expected and found
     */
    public CheckpointException wrong(String name, String expected) {
        return new CheckpointException(
                file + ": field '" + name + "': expected " + expected + ", found " + show(object.get(name)));
    }

    /**
     * A value in a form fit for a message.
     *
     * @param value any value, null for an absent one
     * @return its text if it is short, else what it is
     */
    static String show(@Nullable JsonNode value) {
        if (value == null) {
            return "nothing";
        }
        if (value.isTextual()) {
            return JsonFiles.quoted(value.textValue());
        }
        if (value.isContainerNode() && value.size() > 4) {
            return (value.isArray() ? "an array of " : "an object of ") + value.size();
        }
        String text = value.toString();
        return text.length() <= MAX_SHOWN ? text : text.substring(0, MAX_SHOWN) + "…";
    }
}
