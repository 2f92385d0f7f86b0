package dev.sparsed.diffusion;

import dev.sparsed.Commit;
import dev.sparsed.spi.Positions;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/**
 * What the masks of a step would become, and how sure that is. Row i of every array belongs to position i.
 *
 * @param positions masked positions, ascending
 * @param tokens a candidate per position
 * @param confidences a confidence per position
 * @param priorities higher is committed sooner: the confidences, or with {@code alg_temp} their noisy order
 * @param logProbabilities ln of the candidate's probability under the raw logits
 * @param entropies of the raw softmax, in nats; empty if no commit rule asks for them
 */
public record Candidates(
        Positions positions,
        int[] tokens,
        float[] confidences,
        double[] priorities,
        double[] logProbabilities,
        double[] entropies) {

    /** {@return how many there are} */
    public int count() {
        return positions.count();
    }

    /** {@return the lowest position, that of row 0; empty if there is none} */
    OptionalInt firstPosition() {
        return count() == 0 ? OptionalInt.empty() : OptionalInt.of(positions.get(0));
    }

    /** {@return all rows by falling priority; among equal ones the lower positions come first} */
    public int[] ranked() {
        return IntStream.range(0, count())
                .boxed()
                .sorted(Comparator.comparingDouble((Integer i) -> -priorities[i])) // a stable sort
                .mapToInt(Integer::intValue)
                .toArray();
    }

    /**
     * {@return the rows of the highest priority}
     *
     * @param count how many at most, ≥ 0
     */
    public int[] first(int count) {
        return Arrays.copyOf(ranked(), Math.min(count, count()));
    }

    /**
     * Turns candidates into commits.
     *
     * @param rows which ones, in any order, each at most once
     * @return the commits, ascending by position
     */
    public List<Commit> commits(int[] rows) {
        return Arrays.stream(rows)
                .sorted()
                .mapToObj(i -> new Commit(positions.get(i), tokens[i], confidences[i], (float) logProbabilities[i]))
                .toList();
    }
}
