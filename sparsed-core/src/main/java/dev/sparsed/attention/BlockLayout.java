package dev.sparsed.attention;

/**
 * How a canvas splits into blocks of {@code blockSize} positions, from position 0 on; the last one may be ragged. Blocks that start in
 * the generated part are generation blocks; a block that straddles the border counts as prompt. Where no block starts in the generated
 * part, the last block alone is the generation block.
 *
 * @param canvasLength N, prompt and generation, ≥ 1
 * @param generationLength G, 0 … N
 * @param blockSize B, ≥ 1
 */
public record BlockLayout(int canvasLength, int generationLength, int blockSize) {

    /** Checks the ranges. */
    public BlockLayout {
        if (canvasLength < 1 || generationLength < 0 || generationLength > canvasLength || blockSize < 1) {
            throw new IllegalArgumentException("canvas of " + canvasLength + ", generation of " + generationLength
                    + ", blocks of " + blockSize + ": need canvas >= 1, 0 <= generation <= canvas, block size >= 1");
        }
    }

    /** {@return the same blocks of a canvas without a prompt} */
    public BlockLayout allGeneration() {
        return new BlockLayout(canvasLength, canvasLength, blockSize);
    }

    /** {@return n = ⌈N/B⌉, the number of blocks} */
    public int blocks() {
        return Math.ceilDiv(canvasLength, blockSize);
    }

    /**
     * {@return the first position of a block}
     *
     * @param block 0 … {@code blocks() - 1}
     */
    public int start(int block) {
        return block * blockSize;
    }

    /**
     * {@return the end (exclusive) of a block}
     *
     * @param block 0 … {@code blocks() - 1}
     */
    public int end(int block) {
        return (int) Math.min((long) (block + 1) * blockSize, canvasLength);
    }

    /** {@return g, the first generation block: the first i with N − i·B ≤ G, or the last block if there is none} */
    public int firstGenerationBlock() {
        return Math.min(Math.ceilDiv(canvasLength - generationLength, blockSize), blocks() - 1);
    }

    /** {@return n − g, the number of generation blocks, ≥ 1} */
    public int generationBlocks() {
        return blocks() - firstGenerationBlock();
    }
}
