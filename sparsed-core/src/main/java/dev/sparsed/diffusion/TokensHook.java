package dev.sparsed.diffusion;

/** Sees the canvas after every step and may change it: Dream's {@code generation_tokens_hook_func}. */
@FunctionalInterface
public interface TokensHook {

    /** Changes nothing. */
    TokensHook NONE = (step, tokens) -> {};

    /**
     * A step has committed its tokens.
     *
     * @param step denoising step
     * @param tokens the canvas, prompt and generation; changed in place. The prompt must stay as it is, and mask tokens
     *     may be put back only in the current block and those after it
     */
    void apply(int step, int[] tokens);
}
