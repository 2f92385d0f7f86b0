package dev.sparsed.attention;

/**
 * What a policy knows of a request and its model.
 *
 * @param canvasLength N, prompt and generation, ≥ 1
 * @param generationLength G, 0 … N
 * @param steps T, the denoising steps of the whole generation
 * @param layers layers of the model
 * @param queryHeads query heads of a layer
 */
public record GenerationShape(int canvasLength, int generationLength, int steps, int layers, int queryHeads) {

    /**
     * {@return the canvas in blocks}
     *
     * @param blockSize B, positions per block, ≥ 1
     */
    public BlockLayout blocks(int blockSize) {
        return new BlockLayout(canvasLength, generationLength, blockSize);
    }
}
