package dev.sparsed;

import dev.sparsed.attention.AttentionMode;
import java.time.Duration;

/**
 * Time and number of steps by the kind of attention they ran.
 *
 * @param dense time of the dense steps
 * @param select time of the steps that selected patterns
 * @param sparse time of the block-sparse steps
 * @param denseSteps how many dense steps there were
 * @param selectSteps how many selecting steps there were
 * @param sparseSteps how many block-sparse steps there were
 */
public record PhaseTimings(
        Duration dense, Duration select, Duration sparse, int denseSteps, int selectSteps, int sparseSteps) {

    /** No step, no time. */
    public static final PhaseTimings NONE = new PhaseTimings(Duration.ZERO, Duration.ZERO, Duration.ZERO, 0, 0, 0);

    /** {@return time of all steps} */
    public Duration total() {
        return dense.plus(select).plus(sparse);
    }

    /**
     * Adds a step.
     *
     * @param attention what it ran
     * @param nanos what it took, in nanoseconds
     * @return the sum
     */
    public PhaseTimings plus(AttentionMode attention, long nanos) {
        return switch (attention) {
            case DENSE ->
                new PhaseTimings(dense.plusNanos(nanos), select, sparse, denseSteps + 1, selectSteps, sparseSteps);
            case DENSE_AND_SELECT, SELECT_AND_SPARSE ->
                new PhaseTimings(dense, select.plusNanos(nanos), sparse, denseSteps, selectSteps + 1, sparseSteps);
            case BLOCK_SPARSE ->
                new PhaseTimings(dense, select, sparse.plusNanos(nanos), denseSteps, selectSteps, sparseSteps + 1);
        };
    }
}
