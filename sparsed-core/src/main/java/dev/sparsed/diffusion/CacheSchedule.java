package dev.sparsed.diffusion;

import dev.sparsed.attention.AttentionMode;
import dev.sparsed.spi.Positions;
import java.util.OptionalInt;

/**
 * Decides, step by step, which rows are forwarded. The whole canvas is: in the first step of a block, where a pattern
 * is selected, after a hook has changed tokens, and whenever {@code interval} steps have used the same cache. Belongs
 * to one request.
 */
public final class CacheSchedule {

    private final CacheMode mode;
    private final int interval;
    private final boolean shiftedLogits;
    private Positions all = Positions.range(0, 0);
    private int age;
    private boolean valid;

    /**
     * Starts without a cache.
     *
     * @param mode what is kept
     * @param interval steps from one full forward pass to the next, ≥ 1; {@link Integer#MAX_VALUE} for one per block
     * @param shiftedLogits whether the logits of a position come from the row before it
     */
    public CacheSchedule(CacheMode mode, int interval, boolean shiftedLogits) {
        this.mode = mode;
        this.interval = interval;
        this.shiftedLogits = shiftedLogits;
    }

    /** A block begins, or the canvas has changed where nobody expected it. */
    void invalidate() {
        valid = false;
    }

    /**
     * {@return the rows to forward in the next step}
     *
     * @param attention how it attends
     * @param blockStart first position of the block
     * @param blockEnd its end
     * @param canvasLength N
     */
    Positions next(AttentionMode attention, int blockStart, int blockEnd, int canvasLength) {
        boolean refresh = mode == CacheMode.NONE || !valid || age >= interval || attention.selects();
        age = refresh ? 1 : age + 1;
        valid = true;
        if (!refresh) {
            return mode.rows(blockStart, blockEnd, canvasLength);
        }
        if (all.count() != canvasLength) {
            all = Positions.range(0, canvasLength);
        }
        return all;
    }

    /**
     * With shifted logits, the first position of a block is predicted by the row before the block, which a cached step
     * does not forward. So the full forward pass commits it.
     *
     * @param blockStart first position of the block
     * @param rows what this step forwards
     * @return the position that this step has to commit if it is a mask
     */
    OptionalInt mustCommit(int blockStart, Positions rows) {
        boolean full = rows.get(0) == 0;
        boolean cachedStepFollows = mode != CacheMode.NONE && interval > 1;
        return shiftedLogits && full && cachedStepFollows && blockStart > 0
                ? OptionalInt.of(blockStart)
                : OptionalInt.empty();
    }
}
