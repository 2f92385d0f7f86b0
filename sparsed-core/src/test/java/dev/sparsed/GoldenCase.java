package dev.sparsed;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.sparsed.attention.AttentionPlan;
import dev.sparsed.attention.AttentionPolicy;
import dev.sparsed.attention.GenerationShape;
import dev.sparsed.attention.SparseD;
import dev.sparsed.diffusion.CacheMode;
import dev.sparsed.diffusion.Remasking;
import dev.sparsed.internal.checkpoint.Safetensors;
import dev.sparsed.internal.model.ModelConfig;
import dev.sparsed.spi.HostTensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * One recorded run of the reference code: how it was run ({@code <case>.json}) and what came out ({@code <case>.safetensors}).
 *
 * @param model folder of the model
 * @param recordings folder of the recorded runs
 * @param name the case
 * @param json how it was run
 */
record GoldenCase(Path model, Path recordings, String name, JsonNode json) {

    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** All cases of one model folder. */
    static List<GoldenCase> in(Path model, Path recordings) {
        try (Stream<Path> files = Files.list(recordings)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(file -> file.endsWith(".safetensors") && !file.startsWith("model"))
                    .map(file -> file.substring(0, file.length() - ".safetensors".length()))
                    .sorted()
                    .map(name -> read(model, recordings, name))
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static GoldenCase read(Path model, Path recordings, String name) {
        try {
            JsonNode json = MAPPER.readTree(recordings.resolve(name + ".json").toFile());
            return new GoldenCase(model, recordings, name, json);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    Recording recording() {
        return new Recording(Safetensors.open(recordings.resolve(name + ".safetensors")));
    }

    boolean isSparse() {
        return setting().hasNonNull("sparse");
    }

    int genLength() {
        return setting().get("gen").asInt();
    }

    int steps() {
        return setting().get("steps").asInt();
    }

    AttentionPolicy policy() {
        JsonNode sparse = setting().get("sparse");
        return isSparse()
                ? new SparseD(
                        sparse.get("skip").asDouble(),
                        sparse.get("select").asDouble(),
                        sparse.get("block_size").asInt())
                : AttentionPolicy.dense();
    }

    /** The plan of a forward pass over a canvas of this length. */
    AttentionPlan plan(int canvas, ModelConfig config) {
        return policy().plan(new GenerationShape(
                canvas, genLength(), steps(), config.layers(), config.heads().queryHeads()));
    }

    GenerationRequest request(int[] prompt) {
        GenerationRequest.Builder request = GenerationRequest.builder()
                .promptTokens(prompt)
                .genLength(genLength())
                .blockLength(setting().path("block").asInt(genLength()))
                .steps(steps())
                .cfgScale(setting().path("cfg").asDouble(0))
                .policy(policy());
        if (setting().has("alg")) {
            request.alg(Remasking.valueOf(setting().get("alg").asText().toUpperCase(Locale.ROOT)));
        }
        if (setting().hasNonNull("threshold")) {
            request.threshold(setting().get("threshold").asDouble());
        }
        return request.cache(
                        CacheMode.valueOf(setting().path("cache").asText("none").toUpperCase(Locale.ROOT)))
                .build();
    }

    /** The first position and the number of tokens of every recorded call of the model. */
    List<int[]> forwards() {
        List<int[]> forwards = new ArrayList<>();
        json.get("forwards")
                .forEach(call -> forwards.add(
                        new int[] {call.get("start").asInt(), call.get("length").asInt()}));
        return forwards;
    }

    private JsonNode setting() {
        return json.get("case");
    }

    @Override
    public String toString() {
        return model.getFileName() + "/" + name;
    }

    /** The recorded tensors. */
    record Recording(Safetensors file) implements AutoCloseable {

        private static final ValueLayout.OfLong LONG =
                ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
        private static final ValueLayout.OfFloat FLOAT =
                ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

        boolean has(String name) {
            return file.tensors().containsKey(name);
        }

        HostTensor tensor(String name) {
            HostTensor tensor = file.tensors().get(name);
            if (tensor == null) {
                throw new AssertionError("no " + name + " was recorded");
            }
            return tensor;
        }

        int[] ints(String name) {
            HostTensor tensor = tensor(name);
            int[] values = new int[Math.toIntExact(tensor.elements())];
            for (int i = 0; i < values.length; i++) {
                values[i] = Math.toIntExact(tensor.data().getAtIndex(LONG, i));
            }
            return values;
        }

        /** The canvas before step {@code step}; the one after the last step is the final one. */
        int[] canvas(int step) {
            int length = Math.toIntExact(tensor("steps").shape().get(1));
            int[] all = ints("steps");
            return Arrays.copyOfRange(all, step * length, (step + 1) * length);
        }

        float[] floats(String name) {
            HostTensor tensor = tensor(name);
            float[] values = new float[Math.toIntExact(tensor.elements())];
            for (int i = 0; i < values.length; i++) {
                values[i] = tensor.data().getAtIndex(FLOAT, i);
            }
            return values;
        }

        boolean kept(int layer, int head, int queryBlock, int keyBlock) {
            HostTensor mask = tensor("block_mask." + layer);
            long blocks = mask.shape().get(1);
            return mask.data().get(ValueLayout.JAVA_BYTE, (head * blocks + queryBlock) * blocks + keyBlock) != 0;
        }

        @Override
        public void close() {
            file.close();
        }
    }
}
