package dev.sparsed.bench.cli;

import dev.sparsed.GenerationResult;
import dev.sparsed.PhaseTimings;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** What a generation took, in words. */
final class Report {

    private Report() {}

    /**
     * All in one line.
     *
     * @param result the generation
     * @return such as {@code 32 tokens in 4.0 s (8.0 tokens/s) on vector: 16 steps (5 dense, 1 selecting, 10
     *     block-sparse), density 0.34}
     */
    static String line(GenerationResult result) {
        PhaseTimings timings = result.timings();
        String kinds = timings.selectSteps() == 0
                ? timings.denseSteps() + " dense steps"
                : String.format(
                        Locale.ROOT,
                        "%d steps (%d dense, %d selecting, %d block-sparse), density %.3f",
                        timings.denseSteps() + timings.selectSteps() + timings.sparseSteps(),
                        timings.denseSteps(),
                        timings.selectSteps(),
                        timings.sparseSteps(),
                        result.density());
        return String.format(
                Locale.ROOT,
                "%d tokens in %s (%.1f tokens/s) on %s: %s",
                result.tokens().length,
                Texts.seconds(timings.total()),
                tokensPerSecond(result),
                result.backend().name(),
                kinds);
    }

    private static double tokensPerSecond(GenerationResult result) {
        return result.tokens().length / Math.max(1e-9, result.timings().total().toNanos() / 1e9);
    }

    /**
     * A table of the phases.
     *
     * @param result the generation
     * @return its lines
     */
    static List<String> table(GenerationResult result) {
        PhaseTimings timings = result.timings();
        List<String> lines = new ArrayList<>();
        lines.add(String.format(Locale.ROOT, "%-14s %6s %10s %12s", "phase", "steps", "time", "per step"));
        addPhase(lines, "dense", timings.denseSteps(), timings.dense());
        addPhase(lines, "dense + select", timings.selectSteps(), timings.select());
        addPhase(lines, "block-sparse", timings.sparseSteps(), timings.sparse());
        addPhase(lines, "all", timings.denseSteps() + timings.selectSteps() + timings.sparseSteps(), timings.total());
        lines.add(String.format(
                Locale.ROOT,
                "prompt %d tokens, generated %d tokens, %.1f tokens/s, density %.3f",
                result.promptLength(),
                result.tokens().length,
                tokensPerSecond(result),
                result.density()));
        lines.add(String.format(
                Locale.ROOT,
                "%d forward passes over the whole canvas, %d over cached keys and values, %d rows in all",
                result.forwards().full(),
                result.forwards().cached(),
                result.forwards().tokens()));
        return lines;
    }

    private static void addPhase(List<String> lines, String name, int steps, Duration time) {
        if (steps == 0) {
            return;
        }
        String perStep = Texts.millis((double) time.toNanos() / steps);
        lines.add(String.format(Locale.ROOT, "%-14s %6d %10s %12s", name, steps, Texts.seconds(time), perStep));
    }

    /**
     * The density of every layer.
     *
     * @param result the generation
     * @return a line per layer; one line that says so if all steps were dense
     */
    static List<String> densities(GenerationResult result) {
        List<Double> densities = result.densityPerLayer();
        if (densities.isEmpty()) {
            return List.of("all steps were dense: no pattern was selected");
        }
        List<String> lines = new ArrayList<>();
        for (int layer = 0; layer < densities.size(); layer++) {
            lines.add(String.format(Locale.ROOT, "layer %3d   density %.3f", layer, densities.get(layer)));
        }
        return lines;
    }
}
