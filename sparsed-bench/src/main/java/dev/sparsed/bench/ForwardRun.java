package dev.sparsed.bench;

import com.sun.management.ThreadMXBean;
import dev.sparsed.DiffusionModel;
import dev.sparsed.GenerationListener;
import dev.sparsed.GenerationRequest;
import dev.sparsed.GenerationResult;
import dev.sparsed.StepEvent;
import dev.sparsed.attention.AttentionMode;
import dev.sparsed.attention.SparseD;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.BooleanSupplier;

/**
 * Times the three kinds of steps in one short generation, through the public API: some dense steps, the selecting one, and as many
 * block-sparse ones.
 *
 * @param model of the shape
 * @param shape its shape
 * @param fullLayers layers the shape has in full; where the model has fewer, the missing ones are added by their median time
 * @param repeats dense and block-sparse steps each, ≥ 1
 * @param select ρ
 * @param blockSize B
 */
public record ForwardRun(
        DiffusionModel model, ModelShape shape, int fullLayers, int repeats, double select, int blockSize) {

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    /** The kinds of steps SparseD has, in its order. */
    public static final List<AttentionMode> KINDS =
            List.of(AttentionMode.DENSE, AttentionMode.DENSE_AND_SELECT, AttentionMode.BLOCK_SPARSE);

    /**
     * A kind of step.
     *
     * @param seconds median
     * @param gflops GFLOP/s, by the operations that were run
     * @param bytes allocated on the heap by one step of all threads, the least of all steps of the kind
     */
    public record Kind(double seconds, double gflops, long bytes) {}

    /**
     * All kinds of steps.
     *
     * @param kinds by what they run
     * @param density share of the blocks that was kept, 0 … 1
     */
    public record Outcome(Map<AttentionMode, Kind> kinds, double density) {

        /** {@return the time of a generation whose steps are all dense, in seconds} */
        public double denseGeneration(int steps) {
            return steps * seconds(AttentionMode.DENSE);
        }

        /** {@return the time of a generation with SparseD, in seconds: steps of each kind times their median} */
        public double sparseGeneration(int steps, double skip) {
            int before = Math.min(steps, (int) (steps * skip) + 1); // e, semantics.md
            if (before >= steps - 1) {
                return denseGeneration(steps);
            }
            return before * seconds(AttentionMode.DENSE)
                    + seconds(AttentionMode.DENSE_AND_SELECT)
                    + (steps - before - 1) * seconds(AttentionMode.BLOCK_SPARSE);
        }

        private double seconds(AttentionMode kind) {
            return kinds.get(kind).seconds();
        }
    }

    /** One step: its event, the time of a whole layer, and what it allocated. */
    private record Step(StepEvent event, int eligible, double layerSeconds, long bytes) {}

    /**
     * Runs it.
     *
     * @param tokens N
     * @param generated G, positions that are masks at the start, 1 … N
     * @param cancelled asked before every layer
     * @return what the steps took
     */
    public Outcome run(int tokens, int generated, BooleanSupplier cancelled) {
        int steps = 2 * repeats + 1;
        List<Step> measured = new ArrayList<>();
        GenerationRequest request = GenerationRequest.builder()
                .promptTokens(prompt(tokens - generated))
                .genLength(generated)
                .steps(steps)
                // e = repeats, in the middle between the shares for which ⌊T·s⌋ + 1 is
                .policy(new SparseD((repeats - 0.5) / steps, select, blockSize))
                .build();
        GenerationResult result = model.generate(request, new Stopwatch(measured, generated, cancelled));
        Map<AttentionMode, Kind> kinds = new EnumMap<>(AttentionMode.class);
        for (AttentionMode mode : KINDS) {
            kinds.put(mode, kind(mode, measured, tokens, result.density()));
        }
        return new Outcome(kinds, result.density());
    }

    private int[] prompt(int length) {
        return new SplittableRandom(length)
                .ints(length, 0, RandomCheckpoint.maskToken(shape))
                .toArray();
    }

    private Kind kind(AttentionMode mode, List<Step> measured, int tokens, double density) {
        List<Step> steps =
                measured.stream().filter(step -> step.event.attention() == mode).toList();
        int missing = fullLayers - shape.layers();
        ModelShape full = shape.withLayers(fullLayers);
        boolean selecting = mode == AttentionMode.DENSE_AND_SELECT;
        double kept = mode == AttentionMode.BLOCK_SPARSE ? density : 1;
        double seconds =
                Median.of(steps.stream().mapToDouble(step -> step.event.nanos() / 1e9 + missing * step.layerSeconds));
        double flops =
                Median.of(steps.stream().mapToDouble(step -> full.flops(tokens, step.eligible, kept, selecting)));
        long bytes = steps.stream().mapToLong(Step::bytes).min().orElse(0);
        return new Kind(seconds, flops / seconds / 1e9, bytes);
    }

    /** Looks at the clock after every step, and before every layer, which is when the model asks whether to go on. */
    private static final class Stopwatch implements GenerationListener {

        private final List<Step> steps;
        private final BooleanSupplier cancelled;
        private final List<Double> layers = new ArrayList<>();
        private int eligible;
        private long lastLayer;
        private long allocated;

        private Stopwatch(List<Step> steps, int eligible, BooleanSupplier cancelled) {
            this.steps = steps;
            this.eligible = eligible;
            this.cancelled = cancelled;
        }

        @Override
        public void onStart(int[] canvas, int promptLength) {
            allocated = THREADS.getTotalThreadAllocatedBytes();
        }

        @Override
        public void onStep(StepEvent event) {
            long bytes = THREADS.getTotalThreadAllocatedBytes() - allocated;
            double layer = Median.of(layers);
            steps.add(new Step(event, eligible, layer, bytes));
            layers.clear();
            lastLayer = 0;
            eligible = event.masksLeft();
            allocated = THREADS.getTotalThreadAllocatedBytes();
        }

        @Override
        public boolean isCancelled() {
            long now = System.nanoTime();
            if (lastLayer != 0) {
                layers.add((now - lastLayer) / 1e9);
            }
            lastLayer = now;
            return cancelled.getAsBoolean();
        }
    }
}
