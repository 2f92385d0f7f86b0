package dev.sparsed;

/**
 * A mask that became a token.
 *
 * @param position canvas position
 * @param token token id
 * @param confidence why it was among the first: a probability, or a random number with random remasking
 */
public record Commit(int position, int token, float confidence) {}
