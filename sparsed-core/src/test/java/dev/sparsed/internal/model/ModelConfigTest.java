package dev.sparsed.internal.model;

import static dev.sparsed.internal.model.Configs.DREAM_7B;
import static dev.sparsed.internal.model.Configs.LLADA_8B;
import static dev.sparsed.internal.model.Configs.with;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.sparsed.CheckpointException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a config.json says of a model. */
class ModelConfigTest {

    @TempDir
    private Path folder;

    private ModelConfig read(String json) {
        return Configs.read(folder, json);
    }

    private void rejected(String json, String... parts) {
        Configs.rejected(folder, json, parts);
    }

    @Test
    void readsLlada() {
        assertThat(read(LLADA_8B))
                .isEqualTo(new ModelConfig(
                        ModelFamily.LLADA,
                        4096,
                        32,
                        32,
                        32,
                        128,
                        12288,
                        126464,
                        126464,
                        1e-5f,
                        5e5,
                        4096,
                        126336,
                        OptionalInt.of(126081),
                        OptionalInt.of(126081),
                        false,
                        false,
                        false));
    }

    @Test
    void readsDream() {
        assertThat(read(DREAM_7B))
                .isEqualTo(new ModelConfig(
                        ModelFamily.DREAM,
                        3584,
                        28,
                        28,
                        4,
                        128,
                        18944,
                        152064,
                        152064,
                        1e-6f,
                        1e6,
                        131072,
                        151666,
                        OptionalInt.of(151643),
                        OptionalInt.of(151643),
                        false,
                        true,
                        true));
    }

    @Test
    void architecturesDecideBeforeModelType() {
        assertThat(read(with(LLADA_8B, "model_type", "\"Dream\"")).family()).isEqualTo(ModelFamily.LLADA);
        rejected(
                with(LLADA_8B, "architectures", "[\"LLaDAMoEModelLM\"]"),
                "'architectures'",
                "LLaDAMoEModelLM",
                "LLaDAModelLM or DreamModel");
    }

    @ParameterizedTest
    @ValueSource(strings = {"-", "null"})
    void modelTypeDecidesWithoutArchitectures(String architectures) {
        assertThat(read(with(LLADA_8B, "architectures", architectures)).family())
                .isEqualTo(ModelFamily.LLADA);
        assertThat(read(with(DREAM_7B, "architectures", architectures)).family())
                .isEqualTo(ModelFamily.DREAM);
        String neither = with(LLADA_8B, "architectures", architectures);
        rejected(with(neither, "model_type", "\"llama\""), "'model_type'", "'llama'", "llada or Dream");
        rejected(with(neither, "model_type", "-"), "'model_type'", "found nothing");
    }

    @ParameterizedTest
    @ValueSource(strings = {"[]", "\"LLaDAModelLM\"", "[\"LLaDAModelLM\",\"DreamModel\"]", "[1]", "[null]", "{}", "3"})
    void rejectsArchitecturesThatAreNotOneName(String architectures) {
        rejected(with(LLADA_8B, "architectures", architectures), "'architectures'");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "8   | null  | 8",
                "4    | null  | 4",
                "1    | null | 1",
                "null | null  | 32",
                "- | - | 32",
                "8   | false | 8",
                "null | false | 32",
                "null | true | 1",
                "1    | true  | 1"
            })
    void lladaKeyValueHeads(String keyValueHeads, String multiQuery, int expected) {
        String json = with(with(LLADA_8B, "n_kv_heads", keyValueHeads), "multi_query_attention", multiQuery);
        assertThat(read(json).keyValueHeads()).isEqualTo(expected);
    }

    @Test
    void lladaMultiQueryExcludesOtherHeadCounts() {
        rejected(with(LLADA_8B, "multi_query_attention", "true"), "'n_kv_heads'", "multi_query_attention", "found 32");
    }

    @Test
    void lladaMlpSizeFollowsTheRatio() {
        assertThat(read(with(LLADA_8B, "mlp_hidden_size", "null")).mlpSize()).isEqualTo(16384);
        rejected(with(with(LLADA_8B, "mlp_hidden_size", "null"), "mlp_ratio", "1048576"), "'mlp_ratio'", "1048576");
        rejected(with(with(LLADA_8B, "mlp_hidden_size", "null"), "mlp_ratio", "-"), "'mlp_ratio'", "found nothing");
    }

    @ParameterizedTest
    @CsvSource({"126592, 126592", "null, 126464", "0, 126464", "-, 126464"})
    void lladaEmbeddingMayHaveMoreRowsThanTokens(String embeddingSize, int rows) {
        ModelConfig config = read(with(LLADA_8B, "embedding_size", embeddingSize));
        assertThat(config.vocabularySize()).isEqualTo(rows);
        assertThat(config.tokenCount()).isEqualTo(126464);
    }

    @ParameterizedTest
    @ValueSource(strings = {"-", "null"})
    void eosAndPadMayBeAbsent(String absent) {
        for (String json : new String[] {LLADA_8B, DREAM_7B}) {
            ModelConfig config = read(with(with(json, "eos_token_id", absent), "pad_token_id", absent));
            assertThat(config.eosToken()).isEmpty();
            assertThat(config.padToken()).isEmpty();
        }
    }

    @Test
    void lladaMayHaveBiasesAndATiedHead() {
        assertThat(read(with(LLADA_8B, "include_qkv_bias", "true")).projectionBias())
                .isTrue();
        assertThat(read(with(LLADA_8B, "weight_tying", "true")).tiedHead()).isTrue();
        assertThat(read(with(DREAM_7B, "tie_word_embeddings", "true")).tiedHead())
                .isTrue();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "rope | false | true",
                "rope | - | true",
                "rope | \"yes\" | true",
                "alibi | true | false",
                "layer_norm_type | \"default\" | rms",
                "layer_norm_type | - | rms",
                "layer_norm_with_affine | false | true",
                "bias_for_layer_norm | true | false",
                "activation_type | \"swiglu\" | silu",
                "activation_type | 1 | silu",
                "block_type | \"sequential\" | llama",
                "attention_layer_norm | true | false",
                "include_bias | true | false",
                "input_emb_norm | true | false",
                "scale_logits | true | false",
                "clip_qkv | 8.0 | null",
                "rope_scaling | {\"type\":\"yarn\"} | null",
                "block_group_size | 2 | 1",
                "weight_tying | - | true or false",
                "include_qkv_bias | 1 | true or false",
                "multi_query_attention | \"x\" | true or false"
            })
    void rejectsLladaOptionsThatAreNotImplemented(String field, String value, String supported) {
        String found = value.equals("-") ? "found nothing" : "found ";
        rejected(with(LLADA_8B, field, value), "'" + field + "'", "expected ", supported, found);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "hidden_act | \"gelu\" | silu",
                "hidden_act | - | silu",
                "rope_scaling | {\"type\":\"yarn\"} | null",
                "head_dim | 64 | 128",
                "tie_word_embeddings | 0 | true or false"
            })
    void rejectsDreamOptionsThatAreNotImplemented(String field, String value, String supported) {
        rejected(with(DREAM_7B, field, value), "'" + field + "'", "expected ", supported, "found ");
    }

    @Test
    void rejectsWhatIsNoConfiguration() throws IOException {
        rejected("[]", "expected a JSON object");
        rejected("{}", "'model_type'");
        rejected("", "empty");
        rejected(LLADA_8B.replace("\"alibi\":false", "\"alibi\":false,\"alibi\":false"), "'alibi'", "line 1, column");
        rejected(LLADA_8B + "}", "malformed JSON");
        Files.delete(folder.resolve("config.json"));
        CheckpointException failure = catchThrowableOfType(CheckpointException.class, () -> ModelConfig.read(folder));
        assertThat(failure).hasMessage(folder.resolve("config.json") + ": no such file");
    }
}
