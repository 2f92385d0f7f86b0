package dev.sparsed.internal.checkpoint;

import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** The safetensors format written down a second time: the whole header as a tree, big integers, no thought of cost. */
final class SafetensorsOracle {

    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();
    private static final Map<String, Integer> BYTES = Map.of("F32", 4, "F16", 2, "BF16", 2, "I64", 8, "U8", 1);

    /** A tensor: type, extents, bytes. */
    record Expected(String dtype, String shape, byte[] data) {}

    private SafetensorsOracle() {}

    /** The tensors by name, or empty if the content is not a valid file. */
    static Optional<Map<String, Expected>> read(byte[] content) {
        if (content.length < 9) {
            return Optional.empty();
        }
        ByteBuffer bytes = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
        long length = bytes.getLong();
        if (length < 0 || length > bytes.remaining() || content[8] != '{') {
            return Optional.empty();
        }
        int data = 8 + (int) length;
        try {
            String header = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(content, 8, (int) length))
                    .toString();
            return tensors(MAPPER.readTree(header), Arrays.copyOfRange(content, data, content.length));
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    private static Optional<Map<String, Expected>> tensors(JsonNode header, byte[] data) {
        Map<String, Expected> tensors = new HashMap<>();
        int[] owners = new int[data.length];
        TreeMap<Integer, Integer> empties = new TreeMap<>();
        for (Map.Entry<String, JsonNode> entry : header.properties()) {
            JsonNode tensor = entry.getValue();
            if (entry.getKey().equals("__metadata__")) {
                if (!tensor.isObject() || !tensor.valueStream().allMatch(JsonNode::isTextual)) {
                    return Optional.empty();
                }
                continue;
            }
            if (!tensor.isObject()
                    || tensor.size() != 3
                    || !tensor.path("dtype").isTextual()
                    || !BYTES.containsKey(tensor.path("dtype").textValue())
                    || !naturals(tensor.path("shape"))
                    || !naturals(tensor.path("data_offsets"))
                    || tensor.path("data_offsets").size() != 2) {
                return Optional.empty();
            }
            BigInteger begin = tensor.path("data_offsets").get(0).bigIntegerValue();
            BigInteger end = tensor.path("data_offsets").get(1).bigIntegerValue();
            String dtype = tensor.path("dtype").textValue();
            BigInteger size = BigInteger.valueOf(BYTES.get(dtype));
            for (JsonNode extent : tensor.path("shape")) {
                size = size.multiply(extent.bigIntegerValue());
                if (size.bitLength() > 63) {
                    return Optional.empty();
                }
            }
            if (!end.subtract(begin).equals(size) || end.compareTo(BigInteger.valueOf(data.length)) > 0) {
                return Optional.empty();
            }
            for (int i = begin.intValue(); i < end.intValue(); i++) {
                owners[i]++;
            }
            if (size.signum() == 0) {
                empties.merge(begin.intValue(), 1, Integer::sum);
            }
            tensors.put(
                    entry.getKey(),
                    new Expected(
                            dtype,
                            tensor.path("shape").toString(),
                            Arrays.copyOfRange(data, begin.intValue(), end.intValue())));
        }
        boolean covered = Arrays.stream(owners).allMatch(count -> count == 1);
        return covered && emptiesAtBorders(empties.keySet(), header, data.length)
                ? Optional.of(tensors)
                : Optional.empty();
    }

    /** Tensors without data lie where another tensor or the data begins or ends, not inside one. */
    private static boolean emptiesAtBorders(Set<Integer> empties, JsonNode header, int size) {
        return empties.stream()
                .allMatch(place -> place == 0
                        || place == size
                        || header.properties().stream()
                                .filter(entry -> !entry.getKey().equals("__metadata__"))
                                .map(entry -> entry.getValue().path("data_offsets"))
                                .anyMatch(offsets -> offsets.get(0).intValue() == place
                                        && offsets.get(1).intValue() > place));
    }

    private static boolean naturals(JsonNode array) {
        return array.isArray()
                && array.valueStream()
                        .allMatch(number ->
                                number.isIntegralNumber() && number.canConvertToLong() && number.longValue() >= 0);
    }
}
