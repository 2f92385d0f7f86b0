package dev.sparsed.internal.checkpoint;

import static dev.sparsed.internal.checkpoint.CheckpointFiles.entry;
import static dev.sparsed.internal.checkpoint.CheckpointFiles.header;
import static dev.sparsed.internal.checkpoint.CheckpointFiles.mappingsOf;
import static dev.sparsed.internal.checkpoint.CheckpointFiles.safetensors;
import static dev.sparsed.internal.checkpoint.CheckpointFiles.withLength;
import static dev.sparsed.internal.checkpoint.CheckpointFiles.write;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sparsed.CheckpointException;
import dev.sparsed.internal.model.ModelConfig;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.HostTensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * 110,000 damaged and undamaged checkpoints: each opens or fails with {@link CheckpointException}, and with
 * nothing else, in time, and nothing stays mapped. Every case has its own seed, which a failure names.
 */
class CheckpointFuzzTest {

    private static final Duration PER_CASE = Duration.ofSeconds(10);
    private static final int MIN_PERCENT = 10;

    private static final String INDEX =
            "{\"metadata\":{\"total_size\":24},\"weight_map\":{\"a\":\"a.safetensors\",\"b\":\"b.safetensors\","
                    + "\"c\":\"b.safetensors\"}}";

    private static final String LLADA = """
            {"architectures":["LLaDAModelLM"],"model_type":"llada","d_model":64,"n_layers":2,"n_heads":4,"n_kv_heads":2,
            "mlp_hidden_size":96,"mlp_ratio":4,"vocab_size":160,"embedding_size":160,"rms_norm_eps":1e-05,
            "rope_theta":500000.0,"max_sequence_length":512,"mask_token_id":159,"eos_token_id":158,"pad_token_id":158,
            "weight_tying":false,"multi_query_attention":null,"include_qkv_bias":false,"rope":true,"alibi":false,
            "layer_norm_type":"rms","activation_type":"silu","block_type":"llama","init_std":0.02,"use_cache":false,
            "auto_map":{"AutoModel":"modeling_llada.LLaDAModelLM"},"torch_dtype":"float32"}""";

    private static final String DREAM = """
            {"architectures":["DreamModel"],"model_type":"Dream","hidden_size":64,"num_hidden_layers":2,
            "num_attention_heads":8,"num_key_value_heads":2,"intermediate_size":96,"hidden_act":"silu","vocab_size":160,
            "rms_norm_eps":1e-06,"rope_theta":1000000.0,"max_position_embeddings":512,"mask_token_id":159,
            "eos_token_id":158,"pad_token_id":158,"rope_scaling":null,"tie_word_embeddings":false,
            "transformers_version":"4.46.2","use_sliding_window":false,"sliding_window":null}""";

    @TempDir
    Path folder;

    @AfterEach
    void nothingStaysMapped() {
        assertThat(mappingsOf(folder)).isEmpty();
    }

    /**
     * Runs cases.
     *
     * @param seed of the first case
     * @param cases how many
     * @param one runs a case: true if it opened, false if it failed as it may
     */
    private static void fuzz(long seed, int cases, Predicate<Random> one) {
        int opened = 0;
        long slowest = 0;
        for (long i = seed; i < seed + cases; i++) {
            long start = System.nanoTime();
            try {
                opened += one.test(new Random(i)) ? 1 : 0;
            } catch (Throwable e) {
                throw new AssertionError("case with seed " + i + ": " + e, e);
            }
            slowest = Math.max(slowest, System.nanoTime() - start);
        }
        assertThat(Duration.ofNanos(slowest)).as("slowest case").isLessThan(PER_CASE);
        assertThat(opened * 100L / cases).as("percentage opened").isBetween((long) MIN_PERCENT, 100L - MIN_PERCENT);
    }

    /** The result of a parser, or empty if it failed as it may. */
    private static <T> Optional<T> attempt(Path file, Function<Path, T> parser) {
        try {
            return Optional.of(parser.apply(file));
        } catch (CheckpointException e) {
            assertThat(e.getMessage()).contains(file.toString()).hasSizeLessThan(4000);
            return Optional.empty();
        }
    }

    /**
     * A file of 0 to 5 small tensors.
     *
     * @param layoutErrors how many percent of the tensors begin up to 3 bytes before or after the end of the last one
     */
    private static byte[] file(Random random, int layoutErrors) {
        List<String> entries = new ArrayList<>();
        int place = 0;
        int dataBytes = 0;
        for (int i = random.nextInt(6); i > 0; i--) {
            DType dtype = DType.values()[random.nextInt(DType.values().length)];
            int[] shape = random.ints(random.nextInt(4), 0, 4).toArray();
            place = random.nextInt(100) < layoutErrors ? Math.max(0, place + random.nextInt(-3, 4)) : place;
            int end = place + Arrays.stream(shape).reduce(dtype.bytes(), (a, b) -> a * b);
            entries.add(entry("t" + i + ".weight", dtype.name(), Arrays.toString(shape), place, end));
            place = end;
            dataBytes = Math.max(dataBytes, end);
        }
        if (random.nextInt(4) == 0) {
            entries.add("\"__metadata__\":{\"format\":\"pt\"}");
        }
        Collections.shuffle(entries, random);
        return safetensors(header(entries.toArray(String[]::new)) + " ".repeat(random.nextInt(9)), dataBytes);
    }

    /** A file after 0 to 3 mutations of its bytes, or of its header's tokens with the length put right. */
    private static byte[] mutatedFile(Random random) {
        byte[] content = file(random, 5);
        Mutator mutator = new Mutator(random);
        int mutations = Math.max(0, random.nextInt(6) - 2);
        for (int i = 0; i < mutations; i++) {
            long length = content.length < 8
                    ? -1
                    : ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN).getLong();
            if (length < 0 || length > content.length - 8 || random.nextInt(3) == 0) {
                content = mutator.bytes(content);
            } else {
                String header = new String(content, 8, (int) length, StandardCharsets.UTF_8);
                byte[] data = Arrays.copyOfRange(content, 8 + (int) length, content.length);
                byte[] edited = mutator.tokens(header).getBytes(StandardCharsets.UTF_8);
                content = withLength(edited, data.length);
                System.arraycopy(data, 0, content, 8 + edited.length, data.length);
            }
        }
        return content;
    }

    /** Compares an outcome with the oracle's. */
    private static boolean agrees(byte[] content, Optional<Map<String, HostTensor>> found) {
        Optional<Map<String, SafetensorsOracle.Expected>> expected = SafetensorsOracle.read(content);
        if (found.isPresent() != expected.isPresent()) {
            throw new AssertionError("expected " + (expected.isPresent() ? "a valid" : "an invalid") + " file: "
                    + Arrays.toString(content));
        }
        expected.ifPresent(tensors -> {
            assertThat(found.orElseThrow().keySet()).isEqualTo(tensors.keySet());
            tensors.forEach((name, tensor) -> {
                HostTensor actual = found.orElseThrow().get(name);
                assertThat(actual.dtype().name()).isEqualTo(tensor.dtype());
                assertThat(actual.shape().toString().replace(" ", "")).isEqualTo(tensor.shape());
                assertThat(actual.data().toArray(ValueLayout.JAVA_BYTE)).isEqualTo(tensor.data());
            });
        });
        return found.isPresent();
    }

    @Test
    void headers() {
        Path file = Path.of("model.safetensors");
        fuzz(1_000_000, 56_000, random -> {
            byte[] content = mutatedFile(random);
            return agrees(content, attempt(file, f -> SafetensorsHeader.parse(f, MemorySegment.ofArray(content))));
        });
    }

    @Test
    void undamagedHeadersAreValid() {
        for (int seed = 0; seed < 2000; seed++) {
            byte[] content = file(new Random(seed), 0);
            Map<String, HostTensor> tensors =
                    SafetensorsHeader.parse(Path.of("model.safetensors"), MemorySegment.ofArray(content));
            assertThat(agrees(content, Optional.of(tensors))).isTrue();
        }
    }

    @Test
    void files() {
        fuzz(2_000_000, 4_000, random -> {
            byte[] content = mutatedFile(random);
            Path file = write(folder.resolve("model.safetensors"), content);
            return attempt(file, Safetensors::open)
                    .map(open -> {
                        try (open) {
                            return agrees(content, Optional.of(open.tensors()));
                        }
                    })
                    .orElseGet(() -> agrees(content, Optional.empty()));
        });
    }

    private static byte[] mutatedJson(String json, Random random) {
        Mutator mutator = new Mutator(random);
        String edited = json;
        for (int i = random.nextInt(4); i > 0; i--) {
            edited = mutator.tokens(edited);
        }
        byte[] content = edited.getBytes(StandardCharsets.UTF_8);
        return random.nextInt(5) == 0 ? mutator.bytes(content) : content;
    }

    @Test
    void indices() {
        Path file = folder.resolve(ShardIndex.FILE_NAME);
        fuzz(3_000_000, 24_000, random -> {
            byte[] content = mutatedJson(INDEX, random);
            Optional<Map<Path, Set<String>>> shards =
                    attempt(file, f -> ShardIndex.shards(f, JsonFiles.parse(f, content)));
            shards.ifPresent(map -> assertThat(map).isNotEmpty().allSatisfy((path, names) -> {
                assertThat(path.toAbsolutePath().normalize().getParent()).isEqualTo(folder.toAbsolutePath());
                assertThat(path.toString()).endsWith(".safetensors");
                assertThat(names).isNotEmpty();
            }));
            return shards.isPresent();
        });
    }

    @Test
    void folders() {
        byte[] first = safetensors(header(entry("a", "F32", "[2]", 0, 8)), 8);
        byte[] second = safetensors(header(entry("b", "BF16", "[4]", 0, 8), entry("c", "I64", "[]", 8, 16)), 16);
        fuzz(4_000_000, 3_000, random -> {
            boolean damageIndex = random.nextBoolean();
            write(
                    folder.resolve(ShardIndex.FILE_NAME),
                    damageIndex ? mutatedJson(INDEX, random) : INDEX.getBytes(StandardCharsets.UTF_8));
            write(folder.resolve("a.safetensors"), first);
            write(folder.resolve("b.safetensors"), damageIndex ? second : new Mutator(random).bytes(second));
            return attempt(folder, Checkpoint::open)
                    .map(open -> {
                        try (open) {
                            assertThat(open.names())
                                    .isNotEmpty()
                                    .allSatisfy(name -> assertThat(open.find(name)
                                                    .orElseThrow()
                                                    .data()
                                                    .toArray(ValueLayout.JAVA_BYTE))
                                            .isNotNull());
                            return true;
                        }
                    })
                    .orElse(false);
        });
    }

    @Test
    void configurations() {
        Path file = folder.resolve(ModelConfig.FILE_NAME);
        fuzz(5_000_000, 24_000, random -> {
            byte[] content = mutatedJson(random.nextBoolean() ? LLADA : DREAM, random);
            Optional<ModelConfig> config =
                    attempt(file, f -> ModelConfig.of(new JsonFields(f, JsonFiles.parse(f, content))));
            config.ifPresent(CheckpointFuzzTest::checkRanges);
            return config.isPresent();
        });
    }

    @Test
    void configurationFiles() {
        Path file = folder.resolve(ModelConfig.FILE_NAME);
        fuzz(6_000_000, 1_000, random -> {
            write(file, mutatedJson(random.nextBoolean() ? LLADA : DREAM, random));
            return attempt(file, f -> ModelConfig.read(folder)).isPresent();
        });
    }

    private static void checkRanges(ModelConfig config) {
        assertThat(config.queryHeads() * config.headDim())
                .isEqualTo(config.hiddenSize())
                .isPositive();
        assertThat(config.headDim() % 2).isZero();
        assertThat(config.keyValueHeads()).isPositive();
        assertThat(config.queryHeads() % config.keyValueHeads()).isZero();
        assertThat(config.layers()).isPositive();
        assertThat(config.mlpSize()).isPositive();
        assertThat(config.contextLength()).isPositive();
        assertThat(config.tokenCount()).isBetween(1, config.vocabularySize());
        assertThat(config.maskToken()).isBetween(0, config.vocabularySize() - 1);
        assertThat(config.eosToken().orElse(0)).isBetween(0, config.vocabularySize() - 1);
        assertThat(config.padToken().orElse(0)).isBetween(0, config.vocabularySize() - 1);
        assertThat(config.normEpsilon()).isPositive().isFinite();
        assertThat(config.ropeTheta()).isPositive().isFinite();
    }
}
