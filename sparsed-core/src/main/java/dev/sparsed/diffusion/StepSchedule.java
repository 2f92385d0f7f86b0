package dev.sparsed.diffusion;

/**
 * How steps and positions split into semi-autoregressive blocks (LLaDA, arXiv 2502.09992, §2.4): the generation is
 * split into blocks from left to right, denoised one after the other, and every block gets the same number of steps.
 *
 * @param generationLength G, ≥ 1
 * @param blockLength positions per block; divides G
 * @param steps T, over all blocks; a multiple of the number of blocks
 */
public record StepSchedule(int generationLength, int blockLength, int steps) {

    /** Checks that the numbers divide. */
    public StepSchedule {
        if (generationLength < 1 || blockLength < 1 || generationLength % blockLength != 0) {
            throw new IllegalArgumentException(
                    "blocks of " + blockLength + " do not divide a generation of " + generationLength);
        }
        int blocks = generationLength / blockLength;
        if (steps < 1 || steps % blocks != 0) {
            throw new IllegalArgumentException(steps + " steps are not a multiple of the " + blocks + " blocks");
        }
    }

    /** {@return the number of blocks} */
    public int blocks() {
        return generationLength / blockLength;
    }

    /** {@return steps per block} */
    public int stepsPerBlock() {
        return steps / blocks();
    }

    /**
     * {@return the first position of a block, counted from the start of the generation}
     *
     * @param block 0 … {@code blocks()} − 1
     */
    public int blockStart(int block) {
        return block * blockLength;
    }
}
