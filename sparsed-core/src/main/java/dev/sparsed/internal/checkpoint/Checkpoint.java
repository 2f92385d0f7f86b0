package dev.sparsed.internal.checkpoint;

import static dev.sparsed.internal.checkpoint.JsonFiles.quoted;

import dev.sparsed.CheckpointException;
import dev.sparsed.spi.HostTensor;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The weights of a Hugging Face model folder: {@code model.safetensors}, or the shards that
 * {@code model.safetensors.index.json} names, all mapped and checked. Safe for use by several threads.
 */
public final class Checkpoint implements AutoCloseable {

    private static final String SINGLE_FILE = "model.safetensors";
    private static final int SUGGESTIONS = 3;
    private static final int MAX_LISTED = 5;

    private final Path folder;
    private final List<Safetensors> files = new ArrayList<>();
    private final Map<String, Located> tensors = new HashMap<>();

    /** A tensor and the file it lies in. */
    private record Located(HostTensor tensor, Path file) {}

    private Checkpoint(Path folder) {
        this.folder = folder;
    }

    /**
     * Opens the weights of a folder.
     *
     * @param folder a folder that holds model.safetensors, or model.safetensors.index.json and every shard it names
     * @return the open checkpoint; close it when none of its tensors is in use any more
     * @throws CheckpointException if a file is missing or malformed, if a shard lacks a tensor the index says it
     *     has, or if two shards hold the same tensor; nothing stays mapped then
     */
    public static Checkpoint open(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw new CheckpointException(folder + ": expected the folder of a Hugging Face model, found "
                    + (Files.exists(folder) ? "a file" : "nothing"));
        }
        Map<Path, Set<String>> shards = shards(folder);
        Checkpoint checkpoint = new Checkpoint(folder);
        try {
            shards.forEach(checkpoint::add);
            return checkpoint;
        } catch (Throwable failure) { // errors too: mappings must not outlive them
            checkpoint.close();
            throw failure;
        }
    }

    /** The files to open, each with the tensors it must hold; all of them exist. */
    private static Map<Path, Set<String>> shards(Path folder) {
        Path single = folder.resolve(SINGLE_FILE);
        if (Files.exists(single, LinkOption.NOFOLLOW_LINKS)) {
            return Map.of(single, Set.of());
        }
        Path index = folder.resolve(ShardIndex.FILE_NAME);
        if (!Files.exists(index, LinkOption.NOFOLLOW_LINKS)) {
            throw noWeights(folder);
        }
        Map<Path, Set<String>> shards = ShardIndex.shards(index, JsonFiles.read(index));
        shards.forEach((shard, names) -> {
            if (!Files.isRegularFile(shard)) {
                throw new CheckpointException(shard + ": no such file, but " + ShardIndex.FILE_NAME
                        + " says that it holds " + names.size() + " tensors, tensor "
                        + quoted(names.iterator().next()) + " among them: download it");
            }
        });
        return shards;
    }

    private void add(Path file, Set<String> expected) {
        Safetensors shard = Safetensors.open(file);
        files.add(shard);
        shard.tensors().forEach((name, tensor) -> {
            Located other = tensors.putIfAbsent(name, new Located(tensor, file));
            if (other != null) {
                throw new CheckpointException(file + ": tensor " + quoted(name)
                        + ": expected in one file only, found in " + other.file + " too");
            }
        });
        for (String name : expected) {
            if (!shard.tensors().containsKey(name)) {
                throw new CheckpointException(file + ": tensor " + quoted(name) + ": expected in this file by "
                        + ShardIndex.FILE_NAME + ", found " + shard.tensors().size() + " other tensors");
            }
        }
    }

    private static CheckpointException noWeights(Path folder) {
        List<String> foreign = new ArrayList<>();
        try (DirectoryStream<Path> weights =
                Files.newDirectoryStream(folder, "*.{safetensors,bin,pt,pth,ckpt,gguf,h5,msgpack,onnx}")) {
            for (Path file : weights) {
                foreign.add(file.getFileName().toString());
            }
        } catch (IOException | DirectoryIteratorException e) {
            return new CheckpointException(folder + ": cannot be listed: " + e, e);
        }
        Collections.sort(foreign);
        String found = foreign.isEmpty()
                ? "neither, and no other weights"
                : foreign.stream().limit(MAX_LISTED).collect(Collectors.joining(", "))
                        + (foreign.size() > MAX_LISTED ? ", ..." : "")
                        + "; weights must be in the safetensors format: download the model's *.safetensors files,"
                        + " or convert it";
        return new CheckpointException(folder + ": expected " + SINGLE_FILE + " or " + ShardIndex.FILE_NAME
                + " (with the shards it names) beside config.json, found " + found);
    }

    /** {@return the folder} */
    public Path folder() {
        return folder;
    }

    /** {@return the names of all tensors} */
    public Set<String> names() {
        return Collections.unmodifiableSet(tensors.keySet());
    }

    /**
     * Looks for a tensor.
     *
     * @param name its name
     * @return the tensor, or empty if no file holds it
     */
    public Optional<HostTensor> find(String name) {
        return Optional.ofNullable(tensors.get(name)).map(Located::tensor);
    }

    /**
     * A tensor of weights the model needs.
     *
     * @param name its name
     * @param shape its extents, outermost first
     * @return the tensor, of exactly this shape, F32, F16 or BF16
     * @throws CheckpointException if it is missing, or has another shape or type
     */
    public HostTensor require(String name, long... shape) {
        Located found = tensors.get(name);
        if (found == null) {
            throw new CheckpointException(folder + ": tensor " + quoted(name) + ": expected shape "
                    + Arrays.toString(shape) + ", found no tensor of this name; the closest of " + tensors.size()
                    + " names: " + closest(name));
        }
        HostTensor tensor = found.tensor;
        boolean fits = tensor.dtype().isFloat()
                && Arrays.equals(
                        tensor.shape().stream().mapToLong(Long::longValue).toArray(), shape);
        if (!fits) {
            throw new CheckpointException(found.file + ": tensor " + quoted(name)
                    + ": expected F32, F16 or BF16 of shape " + Arrays.toString(shape)
                    + ", found " + tensor.dtype() + " of shape " + tensor.shape());
        }
        return tensor;
    }

    /**
     * The names that differ least: by the length of what remains after the common beginning and the common end are
     * taken away. (Linear, unlike the edit distance: a file may have many and long names.)
     */
    private String closest(String name) {
        return tensors.keySet().stream()
                .sorted(Comparator.comparingInt((String other) -> difference(name, other))
                        .thenComparing(Comparator.naturalOrder()))
                .limit(SUGGESTIONS)
                .map(JsonFiles::quoted)
                .collect(Collectors.joining(", "));
    }

    private static int difference(String a, String b) {
        int shorter = Math.min(a.length(), b.length());
        int start = 0;
        while (start < shorter && a.charAt(start) == b.charAt(start)) {
            start++;
        }
        int end = 0;
        while (end < shorter - start && a.charAt(a.length() - 1 - end) == b.charAt(b.length() - 1 - end)) {
            end++;
        }
        return Math.max(a.length(), b.length()) - start - end;
    }

    /**
     * Unmaps every file; any later access to a tensor's data throws {@link IllegalStateException}. Closing twice is
     * harmless.
     */
    @Override
    public void close() {
        files.forEach(Safetensors::close);
    }
}
