/**
 * Denoising: a canvas of prompt and mask tokens, the loop over denoising steps, and the strategies that decide which
 * masks become tokens in a step (remasking) and which tokens they become (sampling). Start reading at
 * {@link dev.sparsed.diffusion.DenoisingLoop}.
 */
@NullMarked
package dev.sparsed.diffusion;

import org.jspecify.annotations.NullMarked;
