package dev.sparsed.attention;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * One request's attention, step by step: the schedule its policy set, and the patterns selected on the way. Belongs to one request and one
 * thread.
 */
public final class AttentionPlan {

    private final IntFunction<AttentionMode> schedule;
    private final @Nullable SelectionRule rule;
    private final @Nullable BlockPattern[] patterns;

    /**
     * Creates a plan without patterns.
     *
     * @param schedule the mode of every step
     * @param rule how to select; may be null if the schedule never selects
     * @param layers layers of the model
     */
    public AttentionPlan(IntFunction<AttentionMode> schedule, @Nullable SelectionRule rule, int layers) {
        this.schedule = schedule;
        this.rule = rule;
        this.patterns = new BlockPattern[layers];
    }

    /**
     * {@return how attention looks in a step}
     *
     * @param step denoising step over the whole generation, from 0
     */
    public AttentionMode at(int step) {
        return schedule.apply(step);
    }

    /**
     * {@return how to select}
     *
     * @throws IllegalStateException if this plan never selects
     */
    public SelectionRule rule() {
        if (rule == null) {
            throw new IllegalStateException("this plan never selects a pattern");
        }
        return rule;
    }

    /**
     * Remembers what was selected for a layer.
     *
     * @param layer the layer
     * @param pattern its pattern
     */
    public void keep(int layer, BlockPattern pattern) {
        patterns[layer] = pattern;
    }

    /**
     * {@return the pattern of a layer}
     *
     * @param layer the layer
     * @throws IllegalStateException if none was selected yet
     */
    public BlockPattern pattern(int layer) {
        BlockPattern pattern = patterns[layer];
        if (pattern == null) {
            throw new IllegalStateException("no pattern was selected for layer " + layer);
        }
        return pattern;
    }

    /** {@return the patterns of all layers, or an empty list if none was selected} */
    public List<BlockPattern> patterns() {
        return Arrays.stream(patterns).filter(Objects::nonNull).toList();
    }
}
