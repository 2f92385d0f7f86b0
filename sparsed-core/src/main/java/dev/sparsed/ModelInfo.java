package dev.sparsed;

import dev.sparsed.spi.HeadLayout;

/**
 * The shape of a model.
 *
 * @param family its family, such as {@code "LLADA"}
 * @param layers number of transformer layers
 * @param hiddenSize features of a token between layers
 * @param heads attention heads
 * @param mlpSize inner features of the MLP
 * @param vocabularySize number of token ids
 * @param contextLength longest canvas (prompt and generation) it is prepared for
 * @param maskToken id of the mask token
 */
public record ModelInfo(
        String family,
        int layers,
        int hiddenSize,
        HeadLayout heads,
        int mlpSize,
        int vocabularySize,
        int contextLength,
        int maskToken) {}
