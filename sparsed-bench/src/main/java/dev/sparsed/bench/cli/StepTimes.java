package dev.sparsed.bench.cli;

import dev.sparsed.StepEvent;
import dev.sparsed.attention.AttentionMode;
import dev.sparsed.bench.Median;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/** Collects the time of every step by its kind of attention. Not thread-safe. */
final class StepTimes {

    private final Map<AttentionMode, List<Long>> nanos = new EnumMap<>(AttentionMode.class);

    /**
     * Takes in a step.
     *
     * @param event the step
     */
    void add(StepEvent event) {
        nanos.computeIfAbsent(event.attention(), kind -> new ArrayList<>()).add(event.nanos());
    }

    /**
     * The fastest step: the one that other programs disturbed least.
     *
     * @param kind which steps
     * @return nanoseconds, empty if there was no such step
     */
    OptionalDouble least(AttentionMode kind) {
        return nanos.getOrDefault(kind, List.of()).stream()
                .mapToDouble(Long::doubleValue)
                .min();
    }

    /**
     * The median, which a step that had to wait for the machine does not move.
     *
     * @param kind which steps
     * @return nanoseconds, empty if there was no such step
     */
    OptionalDouble median(AttentionMode kind) {
        List<Long> some = nanos.getOrDefault(kind, List.of());
        return some.isEmpty() ? OptionalDouble.empty() : OptionalDouble.of(Median.of(some));
    }
}
