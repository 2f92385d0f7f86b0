package dev.sparsed.bench;

import dev.sparsed.spi.DType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Collectors;

/**
 * A LLaDA model of any shape with random weights, as a Hugging Face folder without tokenizer: what a forward pass costs does not depend on
 * what the weights say. Matrices are uniform with variance 1/in, so that activations stay of order 1; norm weights are 1. The folder is a
 * temporary one and deleted on {@link #close}.
 */
public final class RandomCheckpoint implements AutoCloseable {

    private static final String LAYERS = "model.transformer.blocks.";
    private static final int HEADER_BYTES = 1 << 20;

    /** Random values of a kind; no multiple of a row, so that rows differ. Drawing each of eight billion would take minutes. */
    private static final int POOL = (4 << 20) + 1021;

    private final Path folder;

    private RandomCheckpoint(Path folder) {
        this.folder = folder;
    }

    /**
     * Writes a model.
     *
     * @param shape its shape
     * @param dtype type of all weights: BF16 or F32
     * @param contextLength longest canvas
     * @param seed of the weights
     * @return the folder; the caller closes it, after every model loaded from it
     * @throws IllegalArgumentException if the type is another one
     * @throws UncheckedIOException if the temporary folder cannot be written
     */
    public static RandomCheckpoint write(ModelShape shape, DType dtype, int contextLength, long seed) {
        if (dtype != DType.BF16 && dtype != DType.F32) {
            throw new IllegalArgumentException(dtype + ": random weights are BF16 or F32");
        }
        Path folder = null;
        try {
            folder = Files.createTempDirectory("sparsed-random-model-");
            Files.writeString(folder.resolve("config.json"), config(shape, contextLength));
            writeWeights(folder.resolve("model.safetensors"), tensors(shape), dtype, seed);
            return new RandomCheckpoint(folder);
        } catch (IOException e) {
            if (folder != null) {
                delete(folder);
            }
            throw new UncheckedIOException(
                    "cannot write random weights into " + System.getProperty("java.io.tmpdir") + ": " + e.getMessage()
                            + " (-Djava.io.tmpdir=FOLDER names another place)",
                    e);
        }
    }

    /** {@return the Hugging Face folder} */
    public Path folder() {
        return folder;
    }

    /** {@return the size of the weights' file in bytes} */
    public long bytes() {
        try {
            return Files.size(folder.resolve("model.safetensors"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String config(ModelShape shape, int contextLength) {
        return String.format(
                Locale.ROOT,
                """
                {"architectures": ["LLaDAModelLM"], "model_type": "llada", "rope": true, "alibi": false,
                 "layer_norm_type": "rms", "layer_norm_with_affine": true, "bias_for_layer_norm": false,
                 "activation_type": "silu", "block_type": "llama", "attention_layer_norm": false,
                 "include_bias": false, "include_qkv_bias": false, "input_emb_norm": false, "scale_logits": false,
                 "weight_tying": false, "d_model": %d, "n_layers": %d, "n_heads": %d, "n_kv_heads": %d,
                 "mlp_hidden_size": %d, "vocab_size": %d, "embedding_size": %d, "rms_norm_eps": 1e-05,
                 "rope_theta": 500000.0, "max_sequence_length": %d, "mask_token_id": %d}
                """,
                shape.hidden(),
                shape.layers(),
                shape.heads(),
                shape.heads(),
                shape.mlp(),
                shape.vocabulary(),
                shape.vocabulary(),
                contextLength,
                maskToken(shape));
    }

    /** {@return the id of the mask: the last one} */
    public static int maskToken(ModelShape shape) {
        return shape.vocabulary() - 1;
    }

    /** Extents by name, in the order of the file. */
    private static Map<String, int[]> tensors(ModelShape shape) {
        int[] norm = {shape.hidden()};
        int[] square = {shape.hidden(), shape.hidden()};
        int[] widening = {shape.mlp(), shape.hidden()};
        Map<String, int[]> tensors = new LinkedHashMap<>();
        tensors.put("model.transformer.wte.weight", new int[] {shape.vocabulary(), shape.hidden()});
        for (int layer = 0; layer < shape.layers(); layer++) {
            String prefix = LAYERS + layer + ".";
            tensors.put(prefix + "attn_norm.weight", norm);
            tensors.put(prefix + "q_proj.weight", square);
            tensors.put(prefix + "k_proj.weight", square);
            tensors.put(prefix + "v_proj.weight", square);
            tensors.put(prefix + "attn_out.weight", square);
            tensors.put(prefix + "ff_norm.weight", norm);
            tensors.put(prefix + "ff_proj.weight", widening);
            tensors.put(prefix + "up_proj.weight", widening);
            tensors.put(prefix + "ff_out.weight", new int[] {shape.hidden(), shape.mlp()});
        }
        tensors.put("model.transformer.ln_f.weight", norm);
        tensors.put("model.transformer.ff_out.weight", new int[] {shape.vocabulary(), shape.hidden()});
        return tensors;
    }

    private static void writeWeights(Path file, Map<String, int[]> tensors, DType dtype, long seed) throws IOException {
        StringBuilder header = new StringBuilder("{");
        long end = 0;
        for (Map.Entry<String, int[]> tensor : tensors.entrySet()) {
            long begin = end;
            end += elements(tensor.getValue()) * dtype.bytes();
            String extents =
                    Arrays.stream(tensor.getValue()).mapToObj(String::valueOf).collect(Collectors.joining(","));
            header.append(header.length() == 1 ? "" : ",")
                    .append('"')
                    .append(tensor.getKey())
                    .append("\":{\"dtype\":\"")
                    .append(dtype)
                    .append("\",\"shape\":[")
                    .append(extents)
                    .append("],\"data_offsets\":[")
                    .append(begin)
                    .append(',')
                    .append(end)
                    .append("]}");
        }
        byte[] json = header.append('}').toString().getBytes(StandardCharsets.UTF_8);
        ByteBuffer buffer = ByteBuffer.allocateDirect(HEADER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        Map<Integer, ByteBuffer> pools = new HashMap<>();
        SplittableRandom random = new SplittableRandom(seed);
        try (FileChannel out = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            drain(buffer.putLong(json.length), out);
            drain(ByteBuffer.wrap(json).position(json.length), out);
            for (int[] extents : tensors.values()) {
                ByteBuffer pool = extents.length == 1
                        ? repeated(extents[0], dtype)
                        : pools.computeIfAbsent(extents[1], in -> pool(in, dtype, random.split()));
                writeTensor(elements(extents) * dtype.bytes(), pool, random, dtype, out);
            }
        }
    }

    /** Uniform values of variance 1/in. A tensor takes them from a random place on, and from the start again. */
    private static ByteBuffer pool(int in, DType dtype, SplittableRandom random) {
        float bound = (float) Math.sqrt(3.0 / in); // a uniform number's variance is bound²/3
        ByteBuffer pool = ByteBuffer.allocateDirect(POOL * dtype.bytes()).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < POOL; i++) {
            put(bound * (random.nextInt() * 0x1p-31f), dtype, pool);
        }
        return pool.flip();
    }

    /** The weights of a norm: ones. */
    private static ByteBuffer repeated(int count, DType dtype) {
        ByteBuffer ones = ByteBuffer.allocateDirect(count * dtype.bytes()).order(ByteOrder.LITTLE_ENDIAN);
        while (ones.hasRemaining()) {
            put(1, dtype, ones);
        }
        return ones.flip();
    }

    private static void put(float value, DType dtype, ByteBuffer to) {
        if (dtype == DType.BF16) {
            to.putShort((short) (Float.floatToRawIntBits(value) >>> 16));
        } else {
            to.putFloat(value);
        }
    }

    private static void writeTensor(long bytes, ByteBuffer pool, SplittableRandom random, DType dtype, FileChannel out)
            throws IOException {
        int start = random.nextInt(pool.limit() / dtype.bytes()) * dtype.bytes();
        for (long left = bytes; left > 0; start = 0) {
            ByteBuffer part = pool.slice(start, (int) Math.min(left, pool.limit() - start));
            left -= part.remaining();
            while (part.hasRemaining()) {
                out.write(part);
            }
        }
    }

    private static long elements(int[] extents) {
        return extents.length == 1 ? extents[0] : (long) extents[0] * extents[1];
    }

    /** Writes what the buffer holds, and empties it. */
    private static void drain(ByteBuffer buffer, FileChannel out) throws IOException {
        buffer.flip();
        while (buffer.hasRemaining()) {
            out.write(buffer);
        }
        buffer.clear();
    }

    /** Deletes the folder. Closing twice does nothing. */
    @Override
    public void close() {
        delete(folder);
    }

    private static void delete(Path folder) {
        try {
            Files.deleteIfExists(folder.resolve("config.json"));
            Files.deleteIfExists(folder.resolve("model.safetensors"));
            Files.deleteIfExists(folder);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot delete " + folder + ": " + e.getMessage(), e);
        }
    }
}
