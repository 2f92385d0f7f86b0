package dev.sparsed.diffusion;

import dev.sparsed.spi.Positions;

/**
 * Which rows of the canvas a step forwards, and which keys and values it takes from the last full forward pass of the
 * block (Fast-dLLM, arXiv 2505.22618, §3.2). A cached row is as the canvas was at that pass, so results are
 * approximate.
 */
public enum CacheMode {
    /** Every step forwards the whole canvas. */
    NONE,
    /** Within a block, keys and values of everything before it are kept; the block and what follows are forwarded. */
    PREFIX,
    /** Within a block, keys and values of everything before and after it are kept; the block alone is forwarded. */
    DUAL;

    /**
     * {@return the rows that a step forwards against cached keys and values}
     *
     * @param blockStart first position of the block
     * @param blockEnd end of the block
     * @param canvasLength N
     */
    Positions rows(int blockStart, int blockEnd, int canvasLength) {
        return switch (this) {
            case NONE -> Positions.range(0, canvasLength);
            case PREFIX -> Positions.range(blockStart, canvasLength);
            case DUAL -> Positions.range(blockStart, blockEnd);
        };
    }
}
