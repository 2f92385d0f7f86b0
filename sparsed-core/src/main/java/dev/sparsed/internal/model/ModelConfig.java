package dev.sparsed.internal.model;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sparsed.CheckpointException;
import dev.sparsed.LoadOptions;
import dev.sparsed.internal.checkpoint.JsonFields;
import dev.sparsed.spi.HeadLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.OptionalInt;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * What {@code config.json} says about a model: its family and its shape. All extents fit an int with room to spare, and
 * every option whose value the forward pass does not implement is refused.
 *
 * @param family decides the names of the tensors and the fields below that a family fixes
 * @param hiddenSize width of the residual stream, {@code queryHeads · headDim}
 * @param layers number of transformer blocks
 * @param queryHeads number of query heads
 * @param keyValueHeads number of key and value heads, a divisor of {@code queryHeads}
 * @param headDim width of a head, even
 * @param mlpSize width of the MLP's inner layer
 * @param vocabularySize rows of the embedding and of the head: LLaDA's {@code embedding_size} if it is set, else
 *     {@code vocab_size}
 * @param tokenCount {@code vocab_size}, 1 … {@code vocabularySize}; rows from here on are padding
 * @param normEpsilon ε of RMSNorm, added to the mean square
 * @param ropeTheta base of the rotary position embedding
 * @param contextLength longest canvas the model was made for, in tokens
 * @param maskToken id of the mask
 * @param eosToken id of the end of a sequence, if there is one
 * @param padToken id of padding, if there is one
 * @param tiedHead whether the head is the embedding transposed and has no tensor of its own
 * @param projectionBias whether the projections to q, k and v have biases
 * @param shiftedLogits whether row i of the logits predicts position i + 1 and not position i
 */
public record ModelConfig(
        ModelFamily family,
        int hiddenSize,
        int layers,
        int queryHeads,
        int keyValueHeads,
        int headDim,
        int mlpSize,
        int vocabularySize,
        int tokenCount,
        float normEpsilon,
        double ropeTheta,
        int contextLength,
        int maskToken,
        OptionalInt eosToken,
        OptionalInt padToken,
        boolean tiedHead,
        boolean projectionBias,
        boolean shiftedLogits) {

    /** Its file in the model's folder. */
    public static final String FILE_NAME = "config.json";

    private static final int MAX_HIDDEN = 1 << 16;
    private static final int MAX_LAYERS = 1 << 10;
    private static final int MAX_HEADS = 1 << 10;
    private static final int MAX_MLP = 1 << 20;
    private static final int MAX_VOCABULARY = 1 << 22;
    private static final double MIN_EPSILON = 1e-12;
    private static final double MAX_EPSILON = 1e-1;
    private static final double MAX_THETA = 1e12;

    /**
     * Reads the configuration of a model.
     *
     * @param folder the model's folder
     * @return its configuration
     * @throws CheckpointException if there is no such folder, if config.json is missing or malformed, if its family or one of its options is
     *     not supported, or if a value is out of range; it names file, field, expected and found
     */
    public static ModelConfig read(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw new CheckpointException(folder + ": expected a folder with " + FILE_NAME + " on this machine, found "
                    + (Files.exists(folder) ? "a file" : "nothing; no model is downloaded"));
        }
        return of(JsonFields.read(folder.resolve(FILE_NAME)));
    }

    /**
     * Decides family and shape.
     *
     * @param fields what config.json holds
     * @return the configuration
     * @throws CheckpointException as {@link #read}
     */
    public static ModelConfig of(JsonFields fields) {
        return switch (family(fields)) {
            case LLADA -> llada(fields);
            case DREAM -> dream(fields);
        };
    }

    /** {@return how the columns of queries, keys and values split into heads} */
    public HeadLayout heads() {
        return new HeadLayout(queryHeads, keyValueHeads, headDim);
    }

    private static ModelFamily family(JsonFields fields) {
        JsonNode architectures = fields.find("architectures");
        if (architectures == null) {
            return family(fields, "model_type", fields.find("model_type"), ModelFamily::modelType);
        }
        boolean one = architectures.isArray() && architectures.size() == 1;
        return family(fields, "architectures", one ? architectures.get(0) : null, ModelFamily::architecture);
    }

    private static ModelFamily family(
            JsonFields fields, String field, @Nullable JsonNode found, Function<ModelFamily, String> name) {
        for (ModelFamily family : ModelFamily.values()) {
            if (found != null && found.isTextual() && found.textValue().equals(name.apply(family))) {
                return family;
            }
        }
        throw fields.wrong(
                field,
                "one of the supported families, "
                        + Arrays.stream(ModelFamily.values()).map(name).collect(Collectors.joining(" or ")));
    }

    private static ModelConfig llada(JsonFields fields) {
        fields.only("rope", true, false);
        fields.only("alibi", false, false);
        fields.only("layer_norm_type", "rms");
        fields.only("layer_norm_with_affine", true, true);
        fields.only("bias_for_layer_norm", false, false);
        fields.only("activation_type", "silu");
        fields.only("block_type", "llama");
        fields.only("attention_layer_norm", false, false);
        fields.only("include_bias", false, false);
        fields.only("input_emb_norm", false, false);
        fields.only("scale_logits", false, false);
        fields.none("clip_qkv");
        fields.none("rope_scaling");
        if (fields.has("block_group_size")) {
            fields.integer("block_group_size", 1, 1);
        }
        int hidden = fields.integer("d_model", 1, MAX_HIDDEN);
        int heads = heads(fields, "n_heads", "d_model", hidden);
        int tokens = fields.integer("vocab_size", 1, MAX_VOCABULARY);
        // The reference code takes 0 for absent: embedding_size or vocab_size.
        int rows = fields.optionalInteger("embedding_size", 0, MAX_VOCABULARY).orElse(0);
        if (rows != 0 && rows < tokens) {
            throw fields.wrong("embedding_size", "at least vocab_size = " + tokens);
        }
        rows = rows == 0 ? tokens : rows;
        return new ModelConfig(
                ModelFamily.LLADA,
                hidden,
                fields.integer("n_layers", 1, MAX_LAYERS),
                heads,
                lladaKeyValueHeads(fields, heads),
                hidden / heads,
                lladaMlpSize(fields, hidden),
                rows,
                tokens,
                (float) fields.number("rms_norm_eps", MIN_EPSILON, MAX_EPSILON),
                fields.number("rope_theta", 1, MAX_THETA),
                fields.integer("max_sequence_length", 1, LoadOptions.MAX_CONTEXT),
                fields.integer("mask_token_id", 0, rows - 1),
                fields.optionalInteger("eos_token_id", 0, rows - 1),
                fields.optionalInteger("pad_token_id", 0, rows - 1),
                fields.flag("weight_tying"),
                fields.flag("include_qkv_bias", false),
                false);
    }

    private static int lladaKeyValueHeads(JsonFields fields, int heads) {
        boolean multiQuery = fields.flag("multi_query_attention", false);
        if (!fields.has("n_kv_heads")) {
            return multiQuery ? 1 : heads;
        }
        int keyValueHeads = keyValueHeads(fields, "n_kv_heads", heads);
        if (multiQuery && keyValueHeads != 1) {
            throw fields.wrong("n_kv_heads", "1 or null, as multi_query_attention is true");
        }
        return keyValueHeads;
    }

    private static int lladaMlpSize(JsonFields fields, int hidden) {
        return fields.has("mlp_hidden_size")
                ? fields.integer("mlp_hidden_size", 1, MAX_MLP)
                : fields.integer("mlp_ratio", 1, MAX_MLP / hidden) * hidden;
    }

    private static ModelConfig dream(JsonFields fields) {
        fields.only("hidden_act", "silu");
        fields.none("rope_scaling");
        int hidden = fields.integer("hidden_size", 1, MAX_HIDDEN);
        int heads = heads(fields, "num_attention_heads", "hidden_size", hidden);
        if (fields.has("head_dim")) {
            fields.integer("head_dim", hidden / heads, hidden / heads);
        }
        int rows = fields.integer("vocab_size", 1, MAX_VOCABULARY);
        return new ModelConfig(
                ModelFamily.DREAM,
                hidden,
                fields.integer("num_hidden_layers", 1, MAX_LAYERS),
                heads,
                keyValueHeads(fields, "num_key_value_heads", heads),
                hidden / heads,
                fields.integer("intermediate_size", 1, MAX_MLP),
                rows,
                rows,
                (float) fields.number("rms_norm_eps", MIN_EPSILON, MAX_EPSILON),
                fields.number("rope_theta", 1, MAX_THETA),
                fields.integer("max_position_embeddings", 1, LoadOptions.MAX_CONTEXT),
                fields.integer("mask_token_id", 0, rows - 1),
                fields.optionalInteger("eos_token_id", 0, rows - 1),
                fields.optionalInteger("pad_token_id", 0, rows - 1),
                fields.flag("tie_word_embeddings", false),
                true,
                true);
    }

    private static int heads(JsonFields fields, String name, String hiddenName, int hidden) {
        int heads = fields.integer(name, 1, MAX_HEADS);
        if (hidden % heads != 0 || hidden / heads % 2 != 0) {
            throw fields.wrong(
                    name, "a divisor of " + hiddenName + " = " + hidden + " that leaves heads of even width");
        }
        return heads;
    }

    private static int keyValueHeads(JsonFields fields, String name, int heads) {
        int keyValueHeads = fields.integer(name, 1, heads);
        if (heads % keyValueHeads != 0) {
            throw fields.wrong(name, "a divisor of the " + heads + " query heads");
        }
        return keyValueHeads;
    }
}
