package dev.sparsed.attention;

import java.util.List;

/**
 * What patterns kept of the dense attention in one step.
 *
 * @param step denoising step over the whole generation, from 0
 * @param byLayerAndHead by layer and query head, the share of dense attention that was kept, 0 … 1: the mean over the rows, or a sample of them
 */
public record KeptMass(int step, List<List<Double>> byLayerAndHead) {

    /** Copies the lists. */
    public KeptMass {
        byLayerAndHead = byLayerAndHead.stream().map(List::copyOf).toList();
    }

    /** {@return the mean over layers and heads} */
    public double mean() {
        return byLayerAndHead.stream()
                .flatMap(List::stream)
                .mapToDouble(Double::doubleValue)
                .average()
                .orElseThrow();
    }

    /** {@return the least of any head} */
    public double least() {
        return byLayerAndHead.stream()
                .flatMap(List::stream)
                .mapToDouble(Double::doubleValue)
                .min()
                .orElseThrow();
    }
}
