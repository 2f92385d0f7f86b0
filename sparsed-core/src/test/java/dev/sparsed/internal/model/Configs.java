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

/** Published configurations, and variations of them, for tests. */
final class Configs {

    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** GSAI-ML/LLaDA-8B-Instruct. */
    static final String LLADA_8B = """
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
    static final String DREAM_7B = """
            {"architectures":["DreamModel"],"attention_dropout":0.0,"bos_token_id":151643,"eos_token_id":151643,
            "hidden_act":"silu","hidden_size":3584,"initializer_range":0.02,"intermediate_size":18944,
            "mask_token_id":151666,"max_position_embeddings":131072,"max_window_layers":28,"model_type":"Dream",
            "num_attention_heads":28,"num_hidden_layers":28,"num_key_value_heads":4,"pad_token_id":151643,
            "rms_norm_eps":1e-06,"rope_scaling":null,"rope_theta":1000000.0,"sliding_window":null,
            "tie_word_embeddings":false,"torch_dtype":"bfloat16","use_cache":true,"use_sliding_window":false,
            "vocab_size":152064}""";

    private Configs() {}

    /** Writes a config.json into a folder and reads it. */
    static ModelConfig read(Path folder, String json) {
        try {
            Files.writeString(folder.resolve("config.json"), json);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return ModelConfig.read(folder);
    }

    /** The text with one field set to a JSON value; "-" removes it. */
    static String with(String json, String field, String value) {
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

    /** Reads a config.json that is to be refused, with all parts in the message. */
    static void rejected(Path folder, String json, String... parts) {
        CheckpointException failure = catchThrowableOfType(CheckpointException.class, () -> read(folder, json));
        assertThat(failure).as("a failure").isNotNull();
        assertThat(failure.getMessage()).startsWith(folder.resolve("config.json") + ": ");
        for (String part : parts) {
            assertThat(failure.getMessage()).contains(part);
        }
    }
}
