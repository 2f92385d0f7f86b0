package dev.sparsed.diffusion;

import dev.sparsed.Commit;
import dev.sparsed.spi.Positions;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * What the masks of a step would become, and how sure that is.
 *
 * @param positions masked positions, ascending
 * @param tokens a candidate per position
 * @param confidences a confidence per position; higher is committed sooner
 */
public record Candidates(Positions positions, int[] tokens, float[] confidences) {

    /**
     * The most confident candidates.
     *
     * @param count how many at most
     * @return commits, ascending by position; among equal confidences the lower positions are taken
     */
    public List<Commit> mostConfident(int count) {
        return IntStream.range(0, positions.count())
                .boxed()
                .sorted(Comparator.comparingDouble((Integer i) -> -confidences[i])) // a stable sort
                .limit(count)
                .sorted()
                .map(i -> new Commit(positions.get(i), tokens[i], confidences[i]))
                .toList();
    }
}
