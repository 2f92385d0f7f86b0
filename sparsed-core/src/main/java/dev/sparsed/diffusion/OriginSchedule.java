package dev.sparsed.diffusion;

import java.util.stream.IntStream;

/**
 * Dream's {@code origin}: every mask is committed with the probability 1 − t_{i+1}/t_i of {@link TimestepSchedule},
 * independently of the others. The coin is the candidate's confidence, a uniform random number.
 *
 * @param timesteps the probabilities
 */
public record OriginSchedule(TimestepSchedule timesteps) implements CommitRule {

    @Override
    public int[] choose(Candidates candidates, BlockStep step) {
        float probability = timesteps.share(step);
        return IntStream.range(0, candidates.count())
                .filter(i -> candidates.confidences()[i] < probability)
                .toArray();
    }
}
