package dev.sparsed;

import dev.sparsed.attention.AttentionMode;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.spi.Positions;
import java.util.List;

/**
 * One denoising step.
 *
 * @param step which one, from 0
 * @param steps how many there are in all; a bound where a commit rule may end blocks early
 * @param attention the attention it ran
 * @param selected the patterns that it selected, one per layer; empty if it did not select
 * @param commits the masks that became tokens, ascending by position, then what a hook changed
 * @param masksLeft how many masks the canvas still holds
 * @param forwarded the rows the model forwarded: all, some with a cache, none where the block was complete
 * @param nanos what it took, in nanoseconds
 */
public record StepEvent(
        int step,
        int steps,
        AttentionMode attention,
        List<BlockPattern> selected,
        List<Commit> commits,
        int masksLeft,
        Positions forwarded,
        long nanos) {}
