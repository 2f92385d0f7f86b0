package dev.sparsed.bench.quality;

import java.util.List;

/**
 * What came of a candidate.
 *
 * @param candidate which
 * @param outcomes task by task; fewer than there are tasks if the candidate was given up
 * @param dense what dense attention came to, for all tasks in the same order, at least one
 */
public record Trial(Candidate candidate, List<TaskOutcome> outcomes, List<TaskOutcome> dense) {

    /** Checks the lengths. */
    public Trial {
        outcomes = List.copyOf(outcomes);
        dense = List.copyOf(dense);
        if (outcomes.isEmpty() || outcomes.size() > dense.size()) {
            throw new IllegalArgumentException(
                    outcomes.size() + " outcomes of " + dense.size() + " tasks: needs one, and no more than tasks");
        }
    }

    /** {@return the mean share of tokens that are dense attention's, 0 … 1; where it was given up, the most it could still have reached} */
    public double agreement() {
        double sum = dense.size() - outcomes.size();
        for (int i = 0; i < outcomes.size(); i++) {
            sum += outcomes.get(i).agreement(dense.get(i));
        }
        return sum / dense.size();
    }

    /** {@return whether all tasks were tried} */
    public boolean isComplete() {
        return outcomes.size() == dense.size();
    }

    /**
     * {@return whether all tasks were tried and agree as much as is asked for}
     *
     * @param bound the least agreement, 0 … 1
     */
    public boolean reaches(double bound) {
        return isComplete() && agreement() >= bound;
    }

    /** {@return the means} */
    public Summary summary() {
        return Summary.of(outcomes);
    }

    /** {@return how many times as fast as dense attention it is, on the tasks that were tried} */
    public double speedUp() {
        return Summary.of(dense.subList(0, outcomes.size())).seconds()
                / summary().seconds();
    }
}
