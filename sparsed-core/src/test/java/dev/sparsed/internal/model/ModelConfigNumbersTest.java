package dev.sparsed.internal.model;

import static dev.sparsed.internal.model.Configs.DREAM_7B;
import static dev.sparsed.internal.model.Configs.LLADA_8B;
import static dev.sparsed.internal.model.Configs.with;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Numbers of a config.json that are missing, out of range, or do not fit each other. */
class ModelConfigNumbersTest {

    @TempDir
    private Path folder;

    private ModelConfig read(String json) {
        return Configs.read(folder, json);
    }

    private void rejected(String json, String... parts) {
        Configs.rejected(folder, json, parts);
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
}
