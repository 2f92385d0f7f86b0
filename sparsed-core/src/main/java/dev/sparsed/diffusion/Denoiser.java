package dev.sparsed.diffusion;

import dev.sparsed.attention.AttentionMode;
import dev.sparsed.spi.Positions;
import dev.sparsed.spi.Tensor;

/** Predicts the tokens under the masks: one forward pass of a model, with the attention the step asks for. */
@FunctionalInterface
public interface Denoiser {

    /**
     * Runs the model over the whole canvas.
     *
     * @param tokens the canvas, N token ids
     * @param attention how attention looks in this step
     * @param eligible the positions whose logits are wanted: only masks that may be committed in this step
     * @return {@code [eligible.count(), vocabulary]}, valid until the next call
     */
    Tensor logits(int[] tokens, AttentionMode attention, Positions eligible);
}
