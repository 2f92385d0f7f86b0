package dev.sparsed.diffusion;

import dev.sparsed.spi.Positions;
import java.util.Arrays;
import java.util.stream.IntStream;

/** The tokens being denoised: a prompt of P tokens, then G positions that start as masks. Belongs to one request. */
public final class Canvas {

    private final int[] tokens;
    private final int promptLength;
    private final int maskToken;

    /**
     * A canvas before the first step.
     *
     * @param prompt token ids of the prompt, without masks; may be empty
     * @param generationLength G, ≥ 1
     * @param maskToken id of the mask token
     */
    public Canvas(int[] prompt, int generationLength, int maskToken) {
        this.tokens = Arrays.copyOf(prompt, Math.addExact(prompt.length, generationLength));
        this.promptLength = prompt.length;
        this.maskToken = maskToken;
        Arrays.fill(tokens, promptLength, tokens.length, maskToken);
    }

    /** {@return N = P + G} */
    public int length() {
        return tokens.length;
    }

    /** {@return P} */
    public int promptLength() {
        return promptLength;
    }

    /** {@return G} */
    public int generationLength() {
        return tokens.length - promptLength;
    }

    /**
     * {@return the masked positions in a stretch of the canvas}
     *
     * @param from first position
     * @param to end, exclusive
     */
    public Positions masks(int from, int to) {
        return Positions.of(
                IntStream.range(from, to).filter(i -> tokens[i] == maskToken).toArray());
    }

    /** {@return how many masks are left} */
    public int masksLeft() {
        return masks(promptLength, tokens.length).count();
    }

    /**
     * Replaces a mask.
     *
     * @param position where
     * @param token by what
     */
    public void commit(int position, int token) {
        tokens[position] = token;
    }

    /** {@return a copy of all tokens} */
    public int[] tokens() {
        return tokens.clone();
    }

    /** {@return a copy of the generated tokens} */
    public int[] generated() {
        return Arrays.copyOfRange(tokens, promptLength, tokens.length);
    }
}
