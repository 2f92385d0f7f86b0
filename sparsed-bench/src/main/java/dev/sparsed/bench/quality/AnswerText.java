package dev.sparsed.bench.quality;

import dev.sparsed.text.Tokenizer;
import java.util.Arrays;

/** The text of an answer. */
public final class AnswerText {

    private AnswerText() {}

    /**
     * Decodes generated tokens up to the first special token: a diffusion model fills the whole canvas, and what it
     * writes after its end of turn is no answer.
     *
     * @param tokenizer the model's
     * @param tokens the generated ids
     * @return the text before the end of turn
     */
    public static String untilEndOfTurn(Tokenizer tokenizer, int[] tokens) {
        return tokenizer.text(tokensUntilEndOfTurn(tokenizer, tokens));
    }

    /**
     * Cuts generated tokens before the first special one.
     *
     * @param tokenizer the model's
     * @param tokens the generated ids
     * @return those before the end of turn
     */
    public static int[] tokensUntilEndOfTurn(Tokenizer tokenizer, int[] tokens) {
        int end = 0;
        while (end < tokens.length && !isSpecial(tokenizer, tokens[end])) {
            end++;
        }
        return Arrays.copyOf(tokens, end);
    }

    /**
     * Whether a token is special: one that decoding may skip.
     *
     * @param tokenizer the model's
     * @param token a token id; one that stands for nothing is not special
     * @return whether it is
     */
    public static boolean isSpecial(Tokenizer tokenizer, int token) {
        return tokenizer.contains(token)
                && tokenizer.decode(new int[] {token}, true).isEmpty()
                && !tokenizer.token(token).isEmpty();
    }
}
