package dev.sparsed.internal.checkpoint;

import static dev.sparsed.internal.checkpoint.JsonFiles.quoted;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sparsed.CheckpointException;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * The index of a checkpoint in several files, {@code model.safetensors.index.json}: an object whose {@code weight_map}
 * gives the file of each tensor. The names of the files come from outside, so only plain names of files in the index's
 * own folder are accepted.
 */
final class ShardIndex {

    /** Its name in the folder. */
    static final String FILE_NAME = "model.safetensors.index.json";

    private static final String SUFFIX = ".safetensors";
    private static final String WEIGHT_MAP = "weight_map";

    /** Longest file name of the common file systems. */
    private static final int MAX_FILE_NAME = 255;

    private ShardIndex() {}

    /**
     * Finds the shards an index names.
     *
     * @param file the index, in the checkpoint's folder
     * @param json its content
     * @return per shard the tensors it must hold, at least one; the shards are direct children of the index's
     *     folder, which may not exist
     * @throws CheckpointException if the index is malformed or names anything but a safetensors file in its folder
     */
    static Map<Path, Set<String>> shards(Path file, JsonNode json) {
        JsonFields fields = new JsonFields(file, json);
        JsonNode map = fields.find(WEIGHT_MAP);
        if (map == null || !map.isObject() || map.isEmpty()) {
            throw fields.wrong(WEIGHT_MAP, "an object that gives the file of each tensor");
        }
        Map<String, Path> paths = new LinkedHashMap<>();
        Map<Path, Set<String>> shards = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> entry : map.properties()) {
            if (!entry.getValue().isTextual()) {
                throw new CheckpointException(file + ": " + WEIGHT_MAP + ": tensor " + quoted(entry.getKey())
                        + ": expected a file name, found " + JsonFields.show(entry.getValue()));
            }
            Path shard =
                    paths.computeIfAbsent(entry.getValue().textValue(), name -> resolve(file, entry.getKey(), name));
            shards.computeIfAbsent(shard, unused -> new LinkedHashSet<>()).add(entry.getKey());
        }
        return Collections.unmodifiableMap(shards);
    }

    private static Path resolve(Path file, String tensor, String name) {
        boolean plain = name.length() > SUFFIX.length()
                && name.length() <= MAX_FILE_NAME
                && name.endsWith(SUFFIX)
                && name.chars().noneMatch(c -> c == '/' || c == '\\' || c == ':' || Character.isISOControl(c));
        if (!plain) {
            throw new CheckpointException(unsafe(file, tensor, name));
        }
        try {
            Path shard = file.resolveSibling(name);
            // Whatever a platform makes of a name, the shard lies in the folder or is refused.
            if (Objects.equals(shard.getParent(), file.getParent())
                    && shard.getFileName().toString().equals(name)) {
                return shard;
            }
            throw new CheckpointException(unsafe(file, tensor, name));
        } catch (InvalidPathException e) {
            throw new CheckpointException(unsafe(file, tensor, name), e);
        }
    }

    private static String unsafe(Path file, String tensor, String name) {
        return file + ": " + WEIGHT_MAP + ": tensor " + quoted(tensor) + ": expected the plain name of a *" + SUFFIX
                + " file in the same folder, found " + quoted(name);
    }
}
