package dev.sparsed.diffusion;

import dev.sparsed.Commit;
import dev.sparsed.spi.Positions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** The tokens being denoised: a prompt of P tokens, then G positions, masks or fixed tokens. Belongs to one request. */
public final class Canvas {

    private final int[] tokens;
    private final float[] logProbabilities;
    private final int promptLength;
    private final int maskToken;

    /**
     * A canvas before the first step.
     *
     * @param prompt token ids of the prompt, without masks; may be empty
     * @param generation what the G ≥ 1 positions after it hold: masks, and tokens that stay
     * @param maskToken id of the mask token
     */
    public Canvas(int[] prompt, int[] generation, int maskToken) {
        this.tokens = Arrays.copyOf(prompt, Math.addExact(prompt.length, generation.length));
        this.promptLength = prompt.length;
        this.maskToken = maskToken;
        this.logProbabilities = new float[generation.length];
        System.arraycopy(generation, 0, tokens, promptLength, generation.length);
        Arrays.fill(logProbabilities, Float.NaN);
    }

    /**
     * A canvas whose generation is all masks.
     *
     * @param prompt token ids of the prompt, without masks; may be empty
     * @param generationLength G, ≥ 1
     * @param maskToken id of the mask token
     * @return the canvas
     */
    public static Canvas masked(int[] prompt, int generationLength, int maskToken) {
        int[] generation = new int[generationLength];
        Arrays.fill(generation, maskToken);
        return new Canvas(prompt, generation, maskToken);
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
     * @param commit where, and by what
     */
    public void commit(Commit commit) {
        tokens[commit.position()] = commit.token();
        logProbabilities[commit.position() - promptLength] = commit.logProbability();
    }

    /**
     * Lets a hook change the canvas.
     *
     * @param hook what changes it
     * @param step denoising step
     * @param blockStart first position that may become a mask again
     * @param vocabulary number of token ids
     * @return what it changed, ascending by position, without confidence and probability (NaN)
     * @throws IllegalArgumentException if it changes the prompt, puts a mask where none can be, or a token that does
     *     not exist
     */
    List<Commit> apply(TokensHook hook, int step, int blockStart, int vocabulary) {
        if (hook == TokensHook.NONE) {
            return List.of();
        }
        int[] changed = tokens.clone();
        hook.apply(step, changed);
        List<Commit> changes = new ArrayList<>();
        for (int i = 0; i < tokens.length; i++) {
            if (changed[i] == tokens[i]) {
                continue;
            }
            if (i < promptLength
                    || changed[i] < 0
                    || changed[i] >= vocabulary
                    || changed[i] == maskToken && i < blockStart) {
                throw new IllegalArgumentException("the tokens hook put " + changed[i] + " at position " + i
                        + ": positions before " + promptLength + " are the prompt, ids are 0 ... " + (vocabulary - 1)
                        + ", and the mask token may be put back only from position " + blockStart + " on");
            }
            changes.add(new Commit(i, changed[i], Float.NaN, Float.NaN));
        }
        changes.forEach(this::commit);
        return changes;
    }

    /** {@return a copy of all tokens} */
    public int[] tokens() {
        return tokens.clone();
    }

    /** {@return a copy of the generated tokens} */
    public int[] generated() {
        return Arrays.copyOfRange(tokens, promptLength, tokens.length);
    }

    /** {@return a copy of ln p of the generated tokens when they were committed, NaN where none was} */
    public float[] logProbabilities() {
        return logProbabilities.clone();
    }
}
