package dev.sparsed.diffusion;

import dev.sparsed.attention.AttentionMode;
import dev.sparsed.spi.ExecutionContext;
import dev.sparsed.spi.Positions;
import dev.sparsed.spi.Tensor;
import java.util.Arrays;

/**
 * Classifier-free guidance (arXiv 2207.12598, eq. 6; LLaDA's form): the canvas, and a copy whose prompt is all masks,
 * both go through the model, and {@code logits = u + (w + 1)·(c − u)}. The two passes attend to different canvases, so
 * each has a plan of its own.
 *
 * @param conditional sees the prompt
 * @param unconditional does not
 * @param context where the logits live
 * @param promptLength P
 * @param maskToken id of the mask token
 * @param scale w &gt; 0
 */
public record GuidedDenoiser(
        Denoiser conditional,
        Denoiser unconditional,
        ExecutionContext context,
        int promptLength,
        int maskToken,
        float scale)
        implements Denoiser {

    @Override
    public Tensor logits(int[] tokens, AttentionMode attention, Positions rows, Positions eligible) {
        int[] withoutPrompt = tokens.clone();
        Arrays.fill(withoutPrompt, 0, promptLength, maskToken);
        Tensor logits = conditional.logits(tokens, attention, rows, eligible);
        context.guide(logits, unconditional.logits(withoutPrompt, attention, rows, eligible), scale);
        return logits;
    }
}
