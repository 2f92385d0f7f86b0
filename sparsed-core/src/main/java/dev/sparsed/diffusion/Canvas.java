package dev.sparsed.diffusion;

import dev.sparsed.spi.Positions;
import java.util.Arrays;

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
        int[] masks = new int[countMasks(from, to)];
        int count = 0;
        for (int i = from; i < to; i++) {
            if (tokens[i] == maskToken) {
                masks[count++] = i;
            }
        }
        return Positions.of(masks);
    }

    /** {@return how many masks are left} */
    public int masksLeft() {
        return countMasks(promptLength, tokens.length);
    }

    private int countMasks(int from, int to) {
        int count = 0;
        for (int i = from; i < to; i++) {
            count += tokens[i] == maskToken ? 1 : 0;
        }
        return count;
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

    /**
     * Copies all tokens.
     *
     * @param destination receives N tokens
     */
    void copyTo(int[] destination) {
        System.arraycopy(tokens, 0, destination, 0, tokens.length);
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
