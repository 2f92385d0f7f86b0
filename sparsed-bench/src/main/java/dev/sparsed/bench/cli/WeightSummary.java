package dev.sparsed.bench.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * How big a checkpoint is.
 *
 * @param parameters numbers in all tensors
 * @param bytes what they take in the files
 * @param types tensors by data type, such as {@code BF16}
 */
record WeightSummary(long parameters, long bytes, Map<String, Integer> types) {

    private static final JsonMapper JSON = JsonMapper.builder().build();
    private static final int MOST_HEADER_BYTES = 100_000_000;

    /**
     * Adds up the headers of a checkpoint that has been loaded, and with that checked, before.
     *
     * @param folder the checkpoint's folder
     * @return the sums
     * @throws UncheckedIOException if a file cannot be read
     */
    static WeightSummary of(Path folder) {
        long parameters = 0;
        long bytes = 0;
        Map<String, Integer> types = new TreeMap<>();
        try {
            for (Path file : files(folder)) {
                for (Map.Entry<String, JsonNode> entry : header(file).properties()) {
                    JsonNode tensor = entry.getValue();
                    if (entry.getKey().equals("__metadata__")) {
                        continue;
                    }
                    long count = 1;
                    for (JsonNode extent : tensor.path("shape")) {
                        count *= extent.longValue();
                    }
                    parameters += count;
                    bytes += tensor.path("data_offsets").path(1).longValue()
                            - tensor.path("data_offsets").path(0).longValue();
                    types.merge(tensor.path("dtype").asText(), 1, Integer::sum);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(folder + ": the weights cannot be read: " + e.getMessage(), e);
        }
        return new WeightSummary(parameters, bytes, types);
    }

    private static List<Path> files(Path folder) throws IOException {
        Path index = folder.resolve("model.safetensors.index.json");
        if (!Files.exists(index)) {
            return List.of(folder.resolve("model.safetensors"));
        }
        TreeSet<String> names = new TreeSet<>();
        JSON.readTree(index.toFile()).path("weight_map").forEach(name -> names.add(name.asText()));
        return new ArrayList<>(names.stream().map(folder::resolve).toList());
    }

    private static JsonNode header(Path file) throws IOException {
        try (DataInputStream in = new DataInputStream(Files.newInputStream(file))) {
            long length = Long.reverseBytes(in.readLong()); // little-endian
            if (length < 0 || length > MOST_HEADER_BYTES) {
                throw new IOException(file + ": header of " + length + " bytes");
            }
            return JSON.readTree(in.readNBytes((int) length));
        }
    }

    /** {@return such as {@code 75 tensors of BF16}} */
    String tensors() {
        return types.entrySet().stream()
                .map(entry -> entry.getValue() + " tensors of " + entry.getKey())
                .collect(Collectors.joining(", "));
    }
}
