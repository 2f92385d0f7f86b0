package dev.sparsed.attention;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
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
    private final @Nullable HostSelection hostSelection;
    private final @Nullable BlockPattern[] patterns;
    private final MassLog mass;
    private boolean stale;
    private int revision;

    private AttentionPlan(
            AttentionPolicy policy,
            IntFunction<AttentionMode> schedule,
            @Nullable SelectionRule rule,
            @Nullable HostSelection hostSelection,
            @Nullable BlockPattern[] patterns,
            MassLog mass) {
        this.policy = policy;
        this.schedule = schedule;
        this.rule = rule;
        this.hostSelection = hostSelection;
        this.patterns = patterns;
        this.mass = mass;
    }

    /**
     * Dense attention in every step.
     *
     * @param policy the policy that drew it up
     * @param layers layers of the model
     * @return a new plan
     */
    public static AttentionPlan dense(AttentionPolicy policy, int layers) {
        return new AttentionPlan(
                policy, step -> AttentionMode.DENSE, null, null, new BlockPattern[layers], new MassLog(layers));
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
                policy,
                step -> AttentionMode.BLOCK_SPARSE,
                null,
                null,
                patterns.toArray(BlockPattern[]::new),
                new MassLog(patterns.size()));
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
        return new AttentionPlan(policy, schedule, rule, null, new BlockPattern[layers], new MassLog(layers));
    }

    /**
     * Patterns selected on the way, but not by the backend.
     *
     * @param policy the policy that drew it up
     * @param schedule the mode of every step
     * @param selection how to select
     * @param layers layers of the model
     * @return a new plan
     */
    public static AttentionPlan selectingOnHost(
            AttentionPolicy policy, IntFunction<AttentionMode> schedule, HostSelection selection, int layers) {
        return new AttentionPlan(policy, schedule, null, selection, new BlockPattern[layers], new MassLog(layers));
    }

    /** {@return the policy that drew this up; never one that only chooses among others} */
    public AttentionPolicy policy() {
        return policy;
    }

    /**
     * {@return how attention looks in a step, if it goes by the schedule}
     *
     * @param step denoising step over the whole generation, from 0
     */
    public AttentionMode at(int step) {
        return schedule.apply(step);
    }

    /**
     * Begins a step.
     *
     * @param step denoising step over the whole generation, from 0
     * @return how attention looks in it
     */
    public AttentionMode begin(int step) {
        AttentionMode mode = at(step);
        boolean again = mode == AttentionMode.BLOCK_SPARSE && stale;
        mass.begin(step, mode == AttentionMode.BLOCK_SPARSE && !again);
        return again ? AttentionMode.DENSE_AND_SELECT : mode;
    }

    /** {@return how to select on the host; empty if the backend does, by {@link #rule}} */
    public Optional<HostSelection> hostSelection() {
        return Optional.ofNullable(hostSelection);
    }

    /**
     * {@return how the backend selects}
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
        stale = false;
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

    /** {@return this plan, which from now on asks for measurements, and for samples if the interval is not 0} */
    AttentionPlan measured(int interval) {
        mass.measure(interval);
        return this;
    }

    /** {@return a plan like this one, which samples and selects anew} */
    AttentionPlan refreshing(Refreshing by) {
        if (rule == null && hostSelection == null && at(0) == AttentionMode.BLOCK_SPARSE) {
            throw new IllegalArgumentException(
                    policy + " has patterns that are known from the start: there is nothing to refresh");
        }
        boolean selects = rule != null || hostSelection != null;
        return new AttentionPlan(selects ? by : policy, schedule, rule, hostSelection, patterns, mass.refreshing(by));
    }

    /**
     * {@return whether to measure what the patterns keep of the attention} That is, if the policy is measured, in every step that selects, and
     * where the patterns are known from the start in the first one.
     *
     * @param mode how attention looks in the step
     */
    public boolean measures(AttentionMode mode) {
        return mass.isMeasured() && (mode.selects() || mode == AttentionMode.BLOCK_SPARSE && !mass.isComplete());
    }

    /**
     * Remembers what was measured.
     *
     * @param layer the layer
     * @param mass by query head, the mean over the query rows of the share of dense attention that the pattern keeps
     */
    public void keepMass(int layer, double[] mass) {
        this.mass.keep(layer, mass);
    }

    /** {@return whether to sample what the patterns still keep, in the step that has begun} */
    public boolean samples() {
        return mass.isSampling();
    }

    /**
     * Remembers what a sample told. The layers come in order; if a head keeps too little, the next step selects.
     *
     * @param mass by query head of the next layer, the mean over the sampled rows of the share of dense attention that the pattern keeps
     */
    public void keepSample(double[] mass) {
        stale |= this.mass.keepSample(mass);
    }

    /** {@return what ran, once the generation is done} */
    public AttentionReport report() {
        return new AttentionReport(policy, patterns(), mass.measurements(), mass.samples());
    }

    /** {@return a number that changes whenever a pattern does} */
    public int revision() {
        return revision;
    }
}
