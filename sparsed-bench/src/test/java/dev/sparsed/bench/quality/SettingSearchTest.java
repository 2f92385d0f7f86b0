package dev.sparsed.bench.quality;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sparsed.attention.Coverage;
import dev.sparsed.attention.SparseD;
import dev.sparsed.bench.quality.Candidate.Budget;
import dev.sparsed.bench.quality.SettingSearch.Grid;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** On a model that is made up: an answer of 100 tokens, of which 100·min(1, amount + skip/2) agree. */
class SettingSearchTest {

    private static final Grid GRID = new Grid(
            List.of(0.4, 0.1, 0.2), List.of(0.1, 0.2, 0.3, 0.5, 0.7), List.of(0.8, 0.9, 0.98), List.of(32, 64, 128));

    private static final Task TASK = new Task(0, "add", 64, "1+0=", "", 16, 16, 16, AnswerMode.EXACT, List.of("1"));

    private static TaskOutcome outcome(int agreeing, double seconds) {
        List<Integer> tokens =
                IntStream.range(0, 100).mapToObj(i -> i < agreeing ? 7 : 8).toList();
        return new TaskOutcome(TASK, tokens, "1", true, 0.5, Double.NaN, 16, 1024, seconds);
    }

    private static int agreeing(Candidate candidate) {
        return (int) Math.round(100 * Math.min(1, candidate.amount() + candidate.skip() / 2));
    }

    /** Blocks of 64 are best, and a share of the blocks costs less than the same share of the attention. */
    private static double seconds(Candidate candidate) {
        double best = Math.abs(candidate.blockSize() - 64) / 100.0 + (candidate.budget() == Budget.SELECT ? 1 : 3);
        return (candidate.amount() + 0.3 * candidate.skip()) * best;
    }

    private static Trial attempt(Candidate candidate) {
        return new Trial(
                candidate, List.of(outcome(agreeing(candidate), seconds(candidate))), List.of(outcome(100, 1)));
    }

    private static List<Candidate> all() {
        List<Candidate> all = new ArrayList<>();
        for (double skip : GRID.skips()) {
            for (int blockSize : GRID.blockSizes()) {
                GRID.selects().forEach(share -> all.add(new Candidate(Budget.SELECT, share, skip, blockSize)));
                GRID.coverages().forEach(share -> all.add(new Candidate(Budget.COVERAGE, share, skip, blockSize)));
            }
        }
        return all;
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, 0.3, 0.55, 0.75, 0.9, 0.99})
    void findsTheFastestWithoutTryingAll(double bound) {
        List<Candidate> tried = new ArrayList<>();
        SettingSearch search = new SettingSearch(bound, GRID, candidate -> {
            tried.add(candidate);
            return attempt(candidate);
        });
        search.run();
        Candidate fastest = all().stream()
                .filter(candidate -> agreeing(candidate) / 100.0 >= bound)
                .min(Comparator.comparingDouble(SettingSearchTest::seconds))
                .orElseThrow();
        assertThat(search.fastest().orElseThrow().candidate()).isEqualTo(fastest);
        assertThat(tried).doesNotHaveDuplicates().hasSizeLessThan(all().size() / 2);
        assertThat(search.trials()).extracting(Trial::candidate).isEqualTo(tried);
    }

    @Test
    void nothingReachesABoundBeyondReach() {
        SettingSearch search = new SettingSearch(
                1, new Grid(List.of(0.1, 0.2), List.of(0.1, 0.5), List.of(), List.of(32)), SettingSearchTest::attempt);
        search.run();
        assertThat(search.fastest()).isEmpty();
        assertThat(search.trials())
                .extracting(trial -> trial.candidate().skip())
                .contains(0.1, 0.2);
    }

    @Test
    void whatIsGivenUpReachesNothing() {
        Candidate candidate = new Candidate(Budget.SELECT, 0.3, 0.2, 32);
        Trial trial = new Trial(
                candidate,
                List.of(outcome(100, 2), outcome(50, 2)),
                List.of(outcome(100, 3), outcome(100, 5), outcome(100, 1)));
        assertThat(trial.agreement()).isEqualTo((1 + 0.5 + 1) / 3);
        assertThat(trial.reaches(0)).isFalse();
        assertThat(trial.speedUp()).isEqualTo(8 / 4.0);
    }

    @Test
    void theTableMarksTheFastestAndTheCurve() {
        SettingSearch search = new SettingSearch(
                0.5, new Grid(List.of(0.2), List.of(0.3, 0.5), List.of(0.9), List.of(64)), SettingSearchTest::attempt);
        search.run(); // 0.3 agrees 40 %, 0.5 60 %, coverage 100 %
        assertThat(search.table(false))
                .containsExactly(
                        "setting                                            agree  density  seconds  speed-up",
                        "sparsed:skip=0.2:select=0.3:block-size=64     +   40.0 %    0.500     0.36      2.78",
                        "sparsed:skip=0.2:select=0.5:block-size=64     *   60.0 %    0.500     0.56      1.79",
                        "coverage:skip=0.2:coverage=0.9:block-size=64  +  100.0 %    0.500     2.88      0.35");
        assertThat(search.table(true).getFirst()).contains("solved");
    }

    @Test
    void aCandidateSaysTheSameInEveryLanguage() {
        Candidate select = new Candidate(Budget.SELECT, 0.3, 0.2, 32);
        assertThat(select.policy()).isEqualTo(new SparseD(0.2, 0.3, 32));
        assertThat(select.java()).isEqualTo("new SparseD(0.2, 0.3, 32)");
        assertThat(select.options()).isEqualTo("--policy sparsed --skip 0.2 --select 0.3 --block-size 32");
        Candidate coverage = new Candidate(Budget.COVERAGE, 0.98, 0.1, 64);
        assertThat(coverage.policy()).isEqualTo(new Coverage(0.1, 0.98, 0, 1, 64));
        assertThat(coverage.java()).isEqualTo("new Coverage(0.1, 0.98, 0, 1, 64)");
        assertThat(coverage.options()).isEqualTo("--policy coverage --skip 0.1 --coverage 0.98 --block-size 64");
    }

    @Test
    void refusesWhatCannotBeSearched() {
        assertThatThrownBy(() -> new Grid(List.of(), List.of(0.3), List.of(), List.of(32)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("skips []");
        assertThatThrownBy(() -> new Grid(List.of(0.2), List.of(), List.of(), List.of(32)))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new SettingSearch(1.01, GRID, SettingSearchTest::attempt))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("agreement = 1.01");
    }
}
