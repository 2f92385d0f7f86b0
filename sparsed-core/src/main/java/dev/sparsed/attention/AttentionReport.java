package dev.sparsed.attention;

import java.util.List;

/**
 * How a request attended.
 *
 * @param policy the policy that ran; where one was asked to choose, its choice
 * @param patterns the last pattern of every layer, empty if all steps were dense
 * @param keptMass by layer and query head, the share of dense attention that the pattern kept when it was last measured, the mean over the query
 *     rows, 0 … 1; empty if the policy was not {@linkplain AttentionPolicy#measured() measured} or all steps were dense
 * @param sampledMass the same for a sample of the rows, in the block-sparse steps where it was taken ({@link AttentionPolicy#measured(int)}, {@link
 *     AttentionPolicy#refreshing})
 */
public record AttentionReport(
        AttentionPolicy policy, List<BlockPattern> patterns, List<List<Double>> keptMass, List<KeptMass> sampledMass) {

    /** Copies the lists. */
    public AttentionReport {
        patterns = List.copyOf(patterns);
        keptMass = List.copyOf(keptMass);
        sampledMass = List.copyOf(sampledMass);
    }
}
