package dev.sparsed.attention;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** How much of the dense attention one request's patterns keep, measured and sampled as far as its policy asks for that. */
final class MassLog {

    private final double[] @Nullable [] measurements;
    private final List<KeptMass> samples = new ArrayList<>();
    private final List<List<Double>> sample = new ArrayList<>();
    private boolean measured;
    private int interval;
    private double bound;
    private int step;
    private int sparseSteps;
    private boolean sampling;

    MassLog(int layers) {
        measurements = new double[layers][];
    }

    /** From now on asks for measurements, and for samples if the interval is not 0. */
    void measure(int every) {
        measured = true;
        if (interval == 0) { // else a refreshing policy has decided
            interval = every;
        }
    }

    /** An empty log that asks for what this one does, and for the policy's samples. */
    MassLog refreshing(Refreshing by) {
        MassLog log = new MassLog(measurements.length);
        log.measured = measured;
        log.interval = by.interval();
        log.bound = by.bound();
        return log;
    }

    /** A step begins. */
    void begin(int index, boolean sparse) {
        step = index;
        sparseSteps += sparse ? 1 : 0;
        sampling = sparse && interval > 0 && sparseSteps % interval == 0;
    }

    boolean isMeasured() {
        return measured;
    }

    /** {@return whether a measurement of all layers is there} */
    boolean isComplete() {
        return measurements[measurements.length - 1] != null;
    }

    void keep(int layer, double[] mass) {
        measurements[layer] = mass.clone();
    }

    /** {@return whether the step that has begun is one to sample} */
    boolean isSampling() {
        return sampling;
    }

    /**
     * Remembers the sample of the next layer.
     *
     * @param mass by query head
     * @return whether it was that of the last layer, and a head of any layer keeps less than the bound
     */
    boolean keepSample(double[] mass) {
        sample.add(boxed(mass));
        if (sample.size() < measurements.length) {
            return false;
        }
        KeptMass whole = new KeptMass(step, sample);
        samples.add(whole);
        sample.clear();
        return whole.least() < bound;
    }

    /** {@return by layer and query head, what was measured last; empty if nothing was} */
    List<List<Double>> measurements() {
        return Arrays.stream(measurements)
                .filter(Objects::nonNull)
                .map(MassLog::boxed)
                .toList();
    }

    List<KeptMass> samples() {
        return samples;
    }

    private static List<Double> boxed(double[] mass) {
        return Arrays.stream(mass).boxed().toList();
    }
}
