package dev.sparsed.bench.report;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** {@link HeadPattern#similarity} over many heads. */
final class PatternSimilarity {

    private PatternSimilarity() {}

    /**
     * {@return the mean similarity of the heads of one step to the same heads of another, 0 … 1}
     *
     * @param heads all heads of a step
     * @param others the same heads of another step, in the same order
     */
    static double mean(List<HeadPattern> heads, List<HeadPattern> others) {
        double sum = 0;
        for (int i = 0; i < heads.size(); i++) {
            sum += heads.get(i).similarity(others.get(i));
        }
        return sum / heads.size();
    }

    /** {@return the same, layer by layer} */
    static List<Double> byLayer(List<HeadPattern> heads, List<HeadPattern> others) {
        Map<Integer, List<Integer>> layers = new LinkedHashMap<>();
        for (int i = 0; i < heads.size(); i++) {
            layers.computeIfAbsent(heads.get(i).layer(), layer -> new ArrayList<>())
                    .add(i);
        }
        return layers.values().stream()
                .map(indices -> mean(
                        indices.stream().map(heads::get).toList(),
                        indices.stream().map(others::get).toList()))
                .toList();
    }

    /**
     * {@return the indices of heads that differ: the first one, then always the one whose largest similarity to those chosen is smallest}
     *
     * @param heads at least one
     * @param most how many, if there are so many
     */
    static List<Integer> leastAlike(List<HeadPattern> heads, int most) {
        List<Integer> chosen = new ArrayList<>(List.of(0));
        double[] nearest = new double[heads.size()];
        while (chosen.size() < Math.min(most, heads.size())) {
            HeadPattern last = heads.get(chosen.getLast());
            int next = -1;
            for (int i = 0; i < nearest.length; i++) {
                nearest[i] = Math.max(nearest[i], last.similarity(heads.get(i)));
                if (!chosen.contains(i) && (next < 0 || nearest[i] < nearest[next])) {
                    next = i;
                }
            }
            chosen.add(next);
        }
        return chosen;
    }
}
