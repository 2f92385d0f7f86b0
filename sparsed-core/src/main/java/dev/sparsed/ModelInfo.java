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
        int maskToken) {

    /**
     * {@return bytes of the keys and values that a request with a prefix or dual cache holds: float32, for every layer;
     * without a cache it holds those of one layer. Classifier-free guidance holds them twice}
     *
     * @param canvasLength N, prompt and generation
     */
    public long cacheBytes(int canvasLength) {
        return 2L * Float.BYTES * layers * canvasLength * heads.keyValueColumns();
    }
}
