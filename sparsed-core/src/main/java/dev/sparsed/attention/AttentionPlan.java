package dev.sparsed.attention;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/**
 * One request's attention, step by step: the schedule its policy set, and the patterns, known from the start or selected on the way. Belongs
 * to one request and one thread.
 */
public final class AttentionPlan {

    private final AttentionPolicy policy;
    private final IntFunction<AttentionMode> schedule;
    private final @Nullable SelectionRule rule;
    private final @Nullable BlockPattern[] patterns;
    private final double[] @Nullable [] keptMass;
    private boolean measured;
    private int revision;

    private AttentionPlan(
            AttentionPolicy policy,
            IntFunction<AttentionMode> schedule,
            @Nullable SelectionRule rule,
            @Nullable BlockPattern[] patterns) {
        this.policy = policy;
        this.schedule = schedule;
        this.rule = rule;
        this.patterns = patterns;
        this.keptMass = new double[patterns.length][];
    }

    /**
     * Dense attention in every step.
     *
     * @param policy the policy that drew it up
     * @param layers layers of the model
     * @return a new plan
     */
    public static AttentionPlan dense(AttentionPolicy policy, int layers) {
        return new AttentionPlan(policy, step -> AttentionMode.DENSE, null, new BlockPattern[layers]);
    }

    /**
     * Block-sparse attention in every step, with patterns known from the start.
     *
     * @param policy the policy that drew it up
     * @param patterns one per layer
     * @return a new plan
     */
    public static AttentionPlan fixed(AttentionPolicy policy, List<BlockPattern> patterns) {
        return new AttentionPlan(
                policy, step -> AttentionMode.BLOCK_SPARSE, null, patterns.toArray(BlockPattern[]::new));
    }

    /**
     * Patterns selected on the way. A step is block-sparse only after one that selected.
     *
     * @param policy the policy that drew it up
     * @param schedule the mode of every step
     * @param rule how to select
     * @param layers layers of the model
     * @return a new plan
     */
    public static AttentionPlan selecting(
            AttentionPolicy policy, IntFunction<AttentionMode> schedule, SelectionRule rule, int layers) {
        return new AttentionPlan(policy, schedule, rule, new BlockPattern[layers]);
    }

    /** {@return the policy that drew this up; never one that only chooses among others} */
    public AttentionPolicy policy() {
        return policy;
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
     * Remembers what was selected for a layer, instead of what was selected before.
     *
     * @param layer the layer
     * @param pattern its pattern
     */
    public void keep(int layer, BlockPattern pattern) {
        patterns[layer] = pattern;
        revision++;
    }

    /**
     * {@return the pattern of a layer}
     *
     * @param layer the layer
     * @throws IllegalStateException if none is known yet
     */
    public BlockPattern pattern(int layer) {
        BlockPattern pattern = patterns[layer];
        if (pattern == null) {
            throw new IllegalStateException("no pattern was selected for layer " + layer);
        }
        return pattern;
    }

    /** {@return the patterns of all layers, or an empty list if none is known} */
    public List<BlockPattern> patterns() {
        return Arrays.stream(patterns).filter(Objects::nonNull).toList();
    }

    /** {@return this plan, which from now on asks for measurements} */
    AttentionPlan measured() {
        measured = true;
        return this;
    }

    /**
     * {@return whether to measure what the patterns keep of the attention} That is, if the policy is measured, in every step that selects, and
     * where the patterns are known from the start in the first one.
     *
     * @param mode how attention looks in the step
     */
    public boolean measures(AttentionMode mode) {
        return measured
                && (mode.selects() || mode == AttentionMode.BLOCK_SPARSE && keptMass[keptMass.length - 1] == null);
    }

    /**
     * Remembers what was measured.
     *
     * @param layer the layer
     * @param mass by query head, the mean over the query rows of the share of dense attention that the pattern keeps
     */
    public void keepMass(int layer, double[] mass) {
        keptMass[layer] = mass.clone();
    }

    /** {@return what ran, once the generation is done} */
    public AttentionReport report() {
        List<List<Double>> mass = Arrays.stream(keptMass)
                .filter(Objects::nonNull)
                .map(layer -> Arrays.stream(layer).boxed().toList())
                .toList();
        return new AttentionReport(policy, patterns(), mass);
    }

    /** {@return a number that changes whenever a pattern does} */
    public int revision() {
        return revision;
    }
}
