package dev.sparsed;

/**
 * A mask that became a token.
 *
 * @param position canvas position
 * @param token token id
 * @param confidence why it was among the first: what {@link dev.sparsed.diffusion.Remasking} computes; NaN where a hook
 *     put the token
 * @param logProbability ln of the token's probability under the model's logits (after bias and guidance, before
 *     temperature and filters); NaN where a hook put the token
 */
public record Commit(int position, int token, float confidence, float logProbability) {}
