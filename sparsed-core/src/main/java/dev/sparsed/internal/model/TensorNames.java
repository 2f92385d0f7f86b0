package dev.sparsed.internal.model;

/**
 * What a family calls its tensors. Names of a layer are relative to {@code layers + "." + index + "."}; query, key, value and output lack
 * {@code .weight} because a {@code .bias} may stand beside it.
 */
record TensorNames(
        String embedding,
        String finalNorm,
        String head,
        String layers,
        String attentionNorm,
        String query,
        String key,
        String value,
        String output,
        String mlpNorm,
        String gate,
        String up,
        String down) {

    private static final TensorNames LLADA = new TensorNames(
            "model.transformer.wte.weight",
            "model.transformer.ln_f.weight",
            "model.transformer.ff_out.weight", // the LM head; a layer's ff_out is its down projection
            "model.transformer.blocks",
            "attn_norm.weight",
            "q_proj",
            "k_proj",
            "v_proj",
            "attn_out",
            "ff_norm.weight",
            "ff_proj.weight",
            "up_proj.weight",
            "ff_out.weight");

    private static final TensorNames QWEN2 = new TensorNames(
            "model.embed_tokens.weight",
            "model.norm.weight",
            "lm_head.weight",
            "model.layers",
            "input_layernorm.weight",
            "self_attn.q_proj",
            "self_attn.k_proj",
            "self_attn.v_proj",
            "self_attn.o_proj",
            "post_attention_layernorm.weight",
            "mlp.gate_proj.weight",
            "mlp.up_proj.weight",
            "mlp.down_proj.weight");

    /**
     * {@return the names of a family's tensors}
     *
     * @param family the family
     */
    static TensorNames of(ModelFamily family) {
        return switch (family) {
            case LLADA -> LLADA;
            case DREAM -> QWEN2; // Dream is Qwen2.5's body
        };
    }
}
