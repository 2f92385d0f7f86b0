package dev.sparsed.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.sparsed.Commit;
import dev.sparsed.spi.Positions;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CommitRuleTest {

    private static final BlockStep ANY = new BlockStep(0, 8, 8);

    private static Candidates candidates(float... confidences) {
        return candidates(new double[0], confidences);
    }

    private static Candidates candidates(double[] entropies, float... confidences) {
        int count = confidences.length;
        return new Candidates(
                Positions.range(10, 10 + count),
                IntStream.range(100, 100 + count).toArray(),
                confidences,
                IntStream.range(0, count).mapToDouble(i -> confidences[i]).toArray(),
                new double[count],
                entropies);
    }

    private static int[] chosen(CommitRule rule, Candidates candidates, BlockStep step) {
        return Arrays.stream(rule.choose(candidates, step)).sorted().toArray();
    }

    @Test
    void commitsAreAscendingAndTiesGoToTheLowerPosition() {
        Candidates candidates = candidates(0.5f, 1f, 0.5f, 1f, 0.5f);
        assertThat(candidates.commits(candidates.first(4)))
                .containsExactly(
                        new Commit(10, 100, 0.5f, 0),
                        new Commit(11, 101, 1f, 0),
                        new Commit(12, 102, 0.5f, 0),
                        new Commit(13, 103, 1f, 0));
        assertThat(candidates.first(9)).hasSize(5);
        assertThat(candidates.commits(candidates.first(0))).isEqualTo(List.of());
    }

    @ParameterizedTest
    @CsvSource({"32, 32", "8, 4", "10, 4", "96, 7", "16, 1", "4, 16", "1, 1"})
    void theEvenScheduleCommitsAllMasks(int masks, int steps) {
        int left = masks;
        for (int i = 0; i < steps; i++) {
            int[] rows = new EvenSchedule().choose(candidates(new float[left]), new BlockStep(i, steps, masks));
            assertThat(rows.length).isBetween(masks / steps, masks / steps + 1);
            left -= rows.length;
        }
        assertThat(left).isZero();
    }

    @Test
    void theFirstStepsOfAnEvenScheduleCommitOneMore() {
        int[] counts = IntStream.range(0, 4)
                .map(i -> new EvenSchedule().choose(candidates(new float[10]), new BlockStep(i, 4, 10)).length)
                .toArray();
        assertThat(counts).containsExactly(3, 3, 2, 2);
    }

    @Test
    void timestepsCommitTheirShareOfTheMasksThatAreLeft() {
        // t = 1, 0.75025, 0.5005, 0.25075, 0.001
        TimestepSchedule schedule = new TimestepSchedule(1e-3);
        double[] t = {1, 0.75025, 0.5005, 0.25075, 0.001};
        for (int i = 0; i < 4; i++) {
            double share = 1 - t[i + 1] / t[i];
            int expected = (int) Math.floor(100 * share);
            assertThat(schedule.choose(candidates(new float[100]), new BlockStep(i, 4, 100)))
                    .hasSize(expected);
        }
        assertThat(schedule.choose(candidates(0.3f), new BlockStep(0, 4, 100))).isEmpty();
    }

    @Test
    void originCommitsWhereTheCoinIsBelowTheShare() {
        OriginSchedule origin = new OriginSchedule(new TimestepSchedule(1e-3));
        int[] rows = origin.choose(candidates(0.2f, 0.24974f, 0.2498f, 0.9f, 0f), new BlockStep(0, 4, 5));
        assertThat(rows).containsExactly(0, 1, 4); // the share is 0.24975
    }

    @Test
    void theThresholdCommitsAtLeastOne() {
        assertThat(chosen(new Threshold(0.9), candidates(0.5f, 0.95f, 0.9f, 0.89f), ANY))
                .containsExactly(1, 2);
        assertThat(chosen(new Threshold(0.9), candidates(0.5f, 0.4f), ANY)).containsExactly(0);
        assertThat(chosen(new Threshold(0), candidates(0.5f, 0.4f), ANY)).containsExactly(0, 1);
    }

    @Test
    void theFactorCommitsTheLargestNumberThatFits() {
        // (n + 1)(1 - c_n): n = 2: 3 * 0.1, n = 3: 4 * 0.2, n = 4: 5 * 0.3
        Candidates candidates = candidates(0.8f, 0.95f, 0.7f, 0.9f);
        assertThat(chosen(new Factor(1), candidates, ANY)).containsExactly(0, 1, 3);
        assertThat(chosen(new Factor(0.5), candidates, ANY)).containsExactly(1, 3);
        assertThat(chosen(new Factor(2), candidates, ANY)).containsExactly(0, 1, 2, 3);
        assertThat(chosen(new Factor(0), candidates, ANY)).containsExactly(1);
    }

    @Test
    void theEntropyBoundLeavesOutTheLargest() {
        Candidates candidates = candidates(new double[] {0.3, 0.1, 0.5, 0.2}, 0.7f, 0.9f, 0.5f, 0.8f);
        // in order: 0.1 | 0.2: the others 0.1 | 0.3: 0.3 | 0.5: 0.6
        assertThat(chosen(new EntropyBound(0), candidates, ANY)).containsExactly(1);
        assertThat(chosen(new EntropyBound(0.15), candidates, ANY)).containsExactly(1, 3);
        assertThat(chosen(new EntropyBound(0.35), candidates, ANY)).containsExactly(0, 1, 3);
        assertThat(chosen(new EntropyBound(0.65), candidates, ANY)).containsExactly(0, 1, 2, 3);
    }

    @Test
    void refusesWhatIsOutOfRange() {
        assertThatIllegalArgumentException().isThrownBy(() -> new TimestepSchedule(0));
        assertThatIllegalArgumentException().isThrownBy(() -> new Threshold(Double.NaN));
        assertThatIllegalArgumentException().isThrownBy(() -> new Factor(-1));
        assertThatIllegalArgumentException().isThrownBy(() -> new EntropyBound(Double.NaN));
    }
}
