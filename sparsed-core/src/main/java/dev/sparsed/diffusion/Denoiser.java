package dev.sparsed.diffusion;

import dev.sparsed.attention.AttentionMode;
import dev.sparsed.spi.Positions;
import dev.sparsed.spi.Tensor;

/** Predicts the tokens under the masks: one forward pass of a model, with the attention the step asks for. */
@FunctionalInterface
public interface Denoiser {

    /**
     * Runs the model over some rows of the canvas; the other rows' keys and values are those of earlier passes.
     *
     * @param tokens the canvas, N token ids
     * @param attention how attention looks in this step
     * @param rows consecutive positions to forward: all, or some after a pass over all
     * @param eligible the positions whose logits are wanted: only masks that may be committed in this step
     * @return {@code [eligible.count(), vocabulary]}, valid until the next call
     */
    Tensor logits(int[] tokens, AttentionMode attention, Positions rows, Positions eligible);

    /**
     * Runs the model over the whole canvas.
     *
     * @param tokens the canvas, N token ids
     * @param attention how attention looks in this step
     * @param eligible the positions whose logits are wanted
     * @return {@code [eligible.count(), vocabulary]}, valid until the next call
     */
    default Tensor logits(int[] tokens, AttentionMode attention, Positions eligible) {
        return logits(tokens, attention, Positions.range(0, tokens.length), eligible);
    }
}
