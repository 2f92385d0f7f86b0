package dev.sparsed.bench.quality;

import dev.sparsed.bench.quality.Candidate.Budget;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.IntStream;

/**
 * Searches for the fastest setting that agrees with dense attention. First, for the middle skip, for both budgets and every block size, the least amount
 * that agrees enough; then, for each budget with the block size that was best, the same with every other skip. Along an amount it halves the interval,
 * taking for granted that what keeps more agrees more; so a dozen or two of all combinations are tried.
 */
public final class SettingSearch {

    private final double bound;
    private final Grid grid;
    private final Function<Candidate, Trial> attempt;
    private final Map<Candidate, Trial> trials = new LinkedHashMap<>();

    /**
     * What may be tried, each list ascending.
     *
     * @param skips shares of steps that stay dense, at least one
     * @param selects shares of blocks to keep; none to leave {@link Budget#SELECT} out
     * @param coverages shares of attention to keep; none to leave {@link Budget#COVERAGE} out
     * @param blockSizes positions per block, at least one
     */
    public record Grid(List<Double> skips, List<Double> selects, List<Double> coverages, List<Integer> blockSizes) {

        /** Sorts, and checks that there is something to try. */
        public Grid {
            skips = skips.stream().sorted().distinct().toList();
            selects = selects.stream().sorted().distinct().toList();
            coverages = coverages.stream().sorted().distinct().toList();
            blockSizes = blockSizes.stream().sorted().distinct().toList();
            if (skips.isEmpty() || blockSizes.isEmpty() || selects.isEmpty() && coverages.isEmpty()) {
                throw new IllegalArgumentException(
                        "skips " + skips + ", selects " + selects + ", coverages " + coverages
                                + ", block sizes " + blockSizes
                                + ": needs a skip, a block size, and a select or a coverage at least");
            }
        }

        private List<Double> amounts(Budget budget) {
            return budget == Budget.SELECT ? selects : coverages;
        }
    }

    /**
     * Prepares a search.
     *
     * @param bound the least agreement with dense attention, 0 … 1
     * @param grid what may be tried
     * @param attempt tries a candidate; may give up as soon as the bound is out of reach
     */
    public SettingSearch(double bound, Grid grid, Function<Candidate, Trial> attempt) {
        if (!(bound >= 0 && bound <= 1)) {
            throw new IllegalArgumentException("agreement = " + bound + ": must be 0 ... 1");
        }
        this.bound = bound;
        this.grid = grid;
        this.attempt = attempt;
    }

    /** Searches. Trials made before an exception are kept. */
    public void run() {
        double middle = grid.skips.get(grid.skips.size() / 2);
        for (Budget budget : Budget.values()) {
            for (int blockSize : grid.blockSizes) {
                leastAmount(budget, middle, blockSize);
            }
        }
        for (Budget budget : Budget.values()) {
            Optional<Integer> blockSize =
                    best(budget).map(trial -> trial.candidate().blockSize());
            for (double skip : grid.skips) {
                if (skip != middle && blockSize.isPresent()) {
                    leastAmount(budget, skip, blockSize.get());
                }
            }
        }
    }

    /** The fastest of a budget that reaches the bound; if there is none, what comes closest. */
    private Optional<Trial> best(Budget budget) {
        List<Trial> of = trials.values().stream()
                .filter(trial -> trial.candidate().budget() == budget)
                .toList();
        return of.stream()
                .filter(trial -> trial.reaches(bound))
                .max(Comparator.comparingDouble(Trial::speedUp))
                .or(() -> of.stream()
                        .max(Comparator.comparingDouble(Trial::agreement).thenComparingDouble(Trial::speedUp)));
    }

    /** {@return what was tried, in this order} */
    public List<Trial> trials() {
        return List.copyOf(trials.values());
    }

    /** {@return the fastest trial that reaches the bound} */
    public Optional<Trial> fastest() {
        return fastest(1).stream().findFirst();
    }

    /**
     * {@return the fastest trials that reach the bound, the fastest first}
     *
     * @param most how many, if there are so many
     */
    public List<Trial> fastest(int most) {
        return trials.values().stream()
                .filter(trial -> trial.reaches(bound))
                .sorted(Comparator.comparingDouble(Trial::speedUp).reversed())
                .limit(most)
                .toList();
    }

    private void leastAmount(Budget budget, double skip, int blockSize) {
        List<Double> amounts = grid.amounts(budget);
        int low = 0;
        int high = amounts.size() - 1;
        while (low <= high) {
            int middle = (low + high) >>> 1;
            Trial trial = trials.computeIfAbsent(new Candidate(budget, amounts.get(middle), skip, blockSize), attempt);
            if (trial.reaches(bound)) {
                high = middle - 1;
            } else {
                low = middle + 1;
            }
        }
    }

    /**
     * {@return whether no other trial is at least as fast and agrees at least as much, and in one of both better}
     *
     * @param trial one of {@link #trials}
     */
    public boolean isOnCurve(Trial trial) {
        return trial.isComplete()
                && trials.values().stream()
                        .filter(Trial::isComplete)
                        .noneMatch(other -> other.speedUp() >= trial.speedUp()
                                && other.agreement() >= trial.agreement()
                                && (other.speedUp() > trial.speedUp() || other.agreement() > trial.agreement()));
    }

    /**
     * {@return what was tried as a table, from the fastest to the slowest, the head first; without line ends} The mark is {@code *} for the fastest that
     * reaches the bound, {@code +} for the others on the trade-off curve.
     *
     * @param solved whether to tell how many tasks were solved
     */
    public List<String> table(boolean solved) {
        List<String> head = List.of("setting", "", "agree", "solved", "density", "seconds", "speed-up");
        int[] shown = IntStream.range(0, head.size())
                .filter(column -> solved || column != 3)
                .toArray();
        TextTable table = new TextTable(2, pick(head, shown));
        Optional<Trial> best = fastest();
        trials.values().stream()
                .sorted(Comparator.comparingDouble(Trial::speedUp).reversed())
                .forEach(trial -> table.row(pick(cells(trial, best), shown)));
        return table.lines();
    }

    private List<String> cells(Trial trial, Optional<Trial> best) {
        Summary summary = trial.summary();
        boolean chosen = best.isPresent() && best.get() == trial;
        return List.of(
                trial.candidate().spec(),
                chosen ? "*" : isOnCurve(trial) ? "+" : "",
                (trial.isComplete() ? "" : "< ") + TextTable.number("%.1f %%", 100 * trial.agreement()),
                summary.solved() + "/" + summary.tasks(),
                TextTable.number("%.3f", summary.density()),
                TextTable.number("%.2f", summary.seconds()),
                TextTable.number("%.2f", trial.speedUp()));
    }

    private static String[] pick(List<String> cells, int[] columns) {
        return IntStream.of(columns).mapToObj(cells::get).toArray(String[]::new);
    }
}
