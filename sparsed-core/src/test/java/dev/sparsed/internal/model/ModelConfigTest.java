package dev.sparsed.internal.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sparsed.CheckpointException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ModelConfigTest {

    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** GSAI-ML/LLaDA-8B-Instruct. */
    private static final String LLADA_8B = """
            {"activation_type":"silu","alibi":false,"alibi_bias_max":8.0,"architectures":["LLaDAModelLM"],
            "attention_dropout":0.0,"attention_layer_norm":false,"attention_layer_norm_with_affine":true,
            "bias_for_layer_norm":false,"block_group_size":1,"block_type":"llama","d_model":4096,"embedding_dropout":0.0,
            "embedding_size":126464,"eos_token_id":126081,"flash_attention":false,"include_bias":false,
            "include_qkv_bias":false,"init_cutoff_factor":null,"init_device":"meta","init_fn":"mitchell","init_std":0.02,
            "input_emb_norm":false,"layer_norm_type":"rms","layer_norm_with_affine":true,"mask_token_id":126336,
            "max_sequence_length":4096,"mlp_hidden_size":12288,"mlp_ratio":4,"model_type":"llada",
            "multi_query_attention":null,"n_heads":32,"n_kv_heads":32,"n_layers":32,"pad_token_id":126081,
            "precision":"amp_bf16","residual_dropout":0.0,"rms_norm_eps":1e-05,"rope":true,"rope_full_precision":true,
            "rope_theta":500000.0,"scale_logits":false,"transformers_version":"4.46.3","use_cache":false,
            "vocab_size":126464,"weight_tying":false}""";

    /** Dream-org/Dream-v0-Instruct-7B. */
    private static final String DREAM_7B = """
            {"architectures":["DreamModel"],"attention_dropout":0.0,"bos_token_id":151643,"eos_token_id":151643,
            "hidden_act":"silu","hidden_size":3584,"initializer_range":0.02,"intermediate_size":18944,
            "mask_token_id":151666,"max_position_embeddings":131072,"max_window_layers":28,"model_type":"Dream",
            "num_attention_heads":28,"num_hidden_layers":28,"num_key_value_heads":4,"pad_token_id":151643,
            "rms_norm_eps":1e-06,"rope_scaling":null,"rope_theta":1000000.0,"sliding_window":null,
            "tie_word_embeddings":false,"torch_dtype":"bfloat16","use_cache":true,"use_sliding_window":false,
            "vocab_size":152064}""";

    @TempDir
    Path folder;

    private ModelConfig read(String json) {
        try {
            Files.writeString(folder.resolve("config.json"), json);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return ModelConfig.read(folder);
    }

    /** The text with one field set to a JSON value; "-" removes it. */
    private static String with(String json, String field, String value) {
        try {
            ObjectNode node = (ObjectNode) MAPPER.readTree(json);
            if (value.equals("-")) {
                node.remove(field);
            } else {
                node.set(field, MAPPER.readTree(value));
            }
            return node.toString();
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void rejected(String json, String... parts) {
        CheckpointException failure = catchThrowableOfType(CheckpointException.class, () -> read(json));
        assertThat(failure).as("a failure").isNotNull();
        assertThat(failure.getMessage()).startsWith(folder.resolve("config.json") + ": ");
        for (String part : parts) {
            assertThat(failure.getMessage()).contains(part);
        }
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

    @ParameterizedTest
    @ValueSource(
            strings = {
                "d_model",
                "n_layers",
                "n_heads",
                "n_kv_heads",
                "mlp_hidden_size",
                "vocab_size",
                "embedding_size",
                "max_sequence_length",
                "mask_token_id",
                "eos_token_id",
                "pad_token_id",
                "rms_norm_eps",
                "rope_theta"
            })
    void rejectsLladaNumbersOutOfRange(String field) {
        rejectsBadNumbers(LLADA_8B, field);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "hidden_size",
                "num_hidden_layers",
                "num_attention_heads",
                "num_key_value_heads",
                "intermediate_size",
                "vocab_size",
                "max_position_embeddings",
                "mask_token_id",
                "eos_token_id",
                "pad_token_id",
                "rms_norm_eps",
                "rope_theta"
            })
    void rejectsDreamNumbersOutOfRange(String field) {
        rejectsBadNumbers(DREAM_7B, field);
    }

    private void rejectsBadNumbers(String json, String field) {
        for (String value : new String[] {"-1", "18446744073709551617", "1e14", "\"12\"", "[]", "{}", "true", "[12]"}) {
            rejected(with(json, field, value), "'" + field + "'", "expected ", "found ");
        }
        if (!field.equals("rope_theta")) { // whose range is wider
            rejected(with(json, field, "2147483647"), "'" + field + "'", "found 2147483647");
            rejected(with(json, field, "2147483648"), "'" + field + "'", "found 2147483648");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "d_model",
                "n_layers",
                "n_heads",
                "n_kv_heads",
                "mlp_hidden_size",
                "vocab_size",
                "max_sequence_length",
                "rms_norm_eps",
                "rope_theta"
            })
    void rejectsLladaZeros(String field) {
        rejected(with(LLADA_8B, field, "0"), "'" + field + "'", "found 0");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "d_model",
                "n_layers",
                "n_heads",
                "vocab_size",
                "max_sequence_length",
                "mask_token_id",
                "rms_norm_eps",
                "rope_theta"
            })
    void rejectsLladaWithoutRequiredFields(String field) {
        rejected(with(LLADA_8B, field, "-"), "'" + field + "'", "found nothing");
        rejected(with(LLADA_8B, field, "null"), "'" + field + "'", "found null");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "intermediate_size",
                "vocab_size", "max_position_embeddings", "mask_token_id", "rms_norm_eps", "rope_theta"
            })
    void rejectsDreamWithoutRequiredFields(String field) {
        rejected(with(DREAM_7B, field, "-"), "'" + field + "'", "found nothing");
    }

    @Test
    void rejectsHeadsThatDoNotDivide() {
        rejected(with(LLADA_8B, "n_heads", "31"), "'n_heads'", "divisor of d_model = 4096", "found 31");
        rejected(with(LLADA_8B, "d_model", "1056"), "'n_heads'", "even width", "found 32"); // heads of 33
        rejected(with(LLADA_8B, "n_kv_heads", "5"), "'n_kv_heads'", "divisor of the 32 query heads", "found 5");
        rejected(with(LLADA_8B, "n_kv_heads", "64"), "'n_kv_heads'", "1 ... 32", "found 64");
        rejected(with(DREAM_7B, "num_attention_heads", "5"), "'num_attention_heads'", "hidden_size = 3584", "found 5");
        rejected(with(DREAM_7B, "num_key_value_heads", "3"), "'num_key_value_heads'", "28 query heads", "found 3");
    }

    @ParameterizedTest
    @ValueSource(strings = {"mask_token_id", "eos_token_id", "pad_token_id"})
    void tokensLieWithinTheEmbedding(String field) {
        rejected(with(LLADA_8B, field, "126464"), "'" + field + "'", "0 ... 126463", "found 126464");
        assertThat(read(with(with(LLADA_8B, field, "126464"), "embedding_size", "126465"))
                        .vocabularySize())
                .isEqualTo(126465);
        rejected(with(DREAM_7B, field, "152064"), "'" + field + "'", "0 ... 152063", "found 152064");
    }

    @Test
    void rejectsInfiniteNumbers() {
        rejected(LLADA_8B.replace("500000.0", "1e999"), "'rope_theta'", "expected a number 1.0 ... ");
        rejected(LLADA_8B.replace("1e-05", "1e-999"), "'rms_norm_eps'", "expected a number", "found 0.0");
        rejected(LLADA_8B.replace("500000.0", "NaN"), "malformed JSON");
    }

    @Test
    void rejectsFewerRowsThanTokens() {
        rejected(with(LLADA_8B, "embedding_size", "126463"), "'embedding_size'", "vocab_size = 126464", "found 126463");
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
