package dev.sparsed;

import dev.sparsed.attention.AttentionMode;
import java.util.List;

/**
 * One denoising step.
 *
 * @param step which one, from 0
 * @param steps how many there are in all
 * @param attention the attention it ran
 * @param commits the masks that became tokens, ascending by position
 * @param masksLeft how many masks the canvas still holds
 * @param nanos what it took, in nanoseconds
 */
public record StepEvent(
        int step, int steps, AttentionMode attention, List<Commit> commits, int masksLeft, long nanos) {}
