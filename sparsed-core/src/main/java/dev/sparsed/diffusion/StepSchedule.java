package dev.sparsed.diffusion;

/**
 * LLaDA's schedule (semi-autoregressive remasking, arXiv 2502.09992, §2.4): the generation is split into blocks from left to right, every
 * block gets the same number of steps, and every step of a block commits the same number of tokens, the first ones one more where it does
 * not divide.
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

    /** {@return steps per block} */
    public int stepsPerBlock() {
        return steps / (generationLength / blockLength);
    }

    /**
     * {@return the first position of a step's block, counted from the start of the generation}
     *
     * @param step 0 … {@code steps} − 1
     */
    public int blockStart(int step) {
        return step / stepsPerBlock() * blockLength;
    }

    /**
     * {@return how many masks a step commits: ⌊m/steps⌋, and one more in the first m mod steps steps of the block, m = block length}
     *
     * @param step 0 … {@code steps} − 1
     */
    public int commits(int step) {
        int stepOfBlock = step % stepsPerBlock();
        return blockLength / stepsPerBlock() + (stepOfBlock < blockLength % stepsPerBlock() ? 1 : 0);
    }
}
