package dev.sparsed.diffusion;

/**
 * A step within its block.
 *
 * @param index which step of the block, from 0
 * @param count steps of the block
 * @param masks masks the block had before its first step
 */
public record BlockStep(int index, int count, int masks) {

    /** {@return whether it is the last step of the block} */
    public boolean isLast() {
        return index == count - 1;
    }
}
