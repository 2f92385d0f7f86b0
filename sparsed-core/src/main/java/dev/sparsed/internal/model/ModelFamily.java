package dev.sparsed.internal.model;

/** The model families the one forward pass covers: same body, other names and details. */
public enum ModelFamily {
    /** LLaDA-8B-Base, -Instruct and LLaDA-1.5: no biases, logits not shifted. */
    LLADA("LLaDAModelLM", "llada"),
    /** Dream-7B, Dream-Coder, DiffuCoder: Qwen2.5's body, biases on q, k and v, logits shifted by one. */
    DREAM("DreamModel", "Dream");

    private final String architecture;
    private final String modelType;

    ModelFamily(String architecture, String modelType) {
        this.architecture = architecture;
        this.modelType = modelType;
    }

    /** {@return its name in the field {@code architectures} of config.json} */
    public String architecture() {
        return architecture;
    }

    /** {@return its name in the field {@code model_type} of config.json, which other families may share} */
    public String modelType() {
        return modelType;
    }
}
