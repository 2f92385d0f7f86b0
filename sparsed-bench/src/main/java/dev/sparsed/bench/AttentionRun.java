package dev.sparsed.bench;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.attention.RatioRule;
import dev.sparsed.spi.AttentionBackend;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.HeadLayout;
import dev.sparsed.spi.Positions;
import dev.sparsed.spi.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * Times dense attention, the one that selects and block-sparse attention in turn, on the same operands in one process: their ratios hold
 * where the machine's speed does not.
 *
 * @param backend name of the backend
 * @param threads threads that work on one operation; 0 for all processors
 * @param dtype what to compute in where the backend lets one choose, F32 or BF16
 * @param heads query heads, and as many of keys and values
 * @param generated G, positions of the generation, at most the canvas
 * @param warmUpSeconds how long to run before, until the JVM has compiled the kernels, ≥ 0
 * @param rounds rounds in which everything runs once, ≥ 1
 */
public record AttentionRun(
        String backend, int threads, DType dtype, int heads, int generated, double warmUpSeconds, int rounds) {

    private static final int[] BLOCK_SIZES = {32, 64, 128};
    private static final double[] SHARES = {0.1, 0.3, 0.5};

    /** Canvas on which the kernels are compiled. */
    private static final int WARM_UP_TOKENS = 1024;

    /** Something to time between two runs of dense attention, as often as makes about one of them. */
    private record Case(String name, double kept, Runnable work) {}

    /**
     * Measures.
     *
     * @param lengths canvases
     * @param headDims features of a head
     * @param cancelled asked before every round; the rest is left out
     * @param lines receives the tables as they grow
     */
    public void run(int[] lengths, int[] headDims, BooleanSupplier cancelled, Consumer<String> lines) {
        try (Device device = new Device(backend, threads, dtype)) {
            lines.accept(String.format(
                    Locale.ROOT,
                    "%s, FMA peak %.0f GFLOP/s; %d heads, generation of %d; %d rounds, one thread by its processor time; speed: best / median; ratios: median (least-most)",
                    device.description(),
                    device.fmaPeak(),
                    heads,
                    generated,
                    rounds));
            for (int headDim : headDims) {
                long end = System.nanoTime() + (long) (1e9 * warmUpSeconds);
                while (System.nanoTime() < end && !cancelled.getAsBoolean()) {
                    measure(device, WARM_UP_TOKENS, headDim, 1, cancelled, line -> {});
                }
                for (int tokens : lengths) {
                    measure(device, tokens, headDim, rounds, cancelled, lines);
                }
            }
        }
    }

    private void measure(
            Device device, int tokens, int headDim, int rounds, BooleanSupplier cancelled, Consumer<String> lines) {
        HeadLayout layout = new HeadLayout(heads, heads, headDim);
        Tensor queries = device.activation(tokens, layout.queryColumns());
        Tensor keys = device.activation(tokens, layout.keyValueColumns());
        Tensor values = device.activation(tokens, layout.keyValueColumns());
        Tensor out = device.empty(tokens, layout.queryColumns());
        Tensor logSumExp = device.empty(tokens, heads);
        Positions rows = Positions.range(0, tokens);
        AttentionBackend attention = device.context().attention();
        Runnable dense = () -> attention.dense(queries, keys, values, layout, out, null);
        List<Case> cases = new ArrayList<>();
        for (int size : BLOCK_SIZES) {
            BlockLayout blocks = new BlockLayout(tokens, Math.min(generated, tokens), size);
            RatioRule rule = new RatioRule(blocks, SHARES[0]);
            cases.add(new Case(
                    String.format(Locale.ROOT, "  B %3d, dense and selecting over dense:", size),
                    1,
                    () -> attention.denseAndSelect(queries, keys, values, layout, out, logSumExp, rule)));
            for (double share : SHARES) {
                BlockPattern pattern = device.pattern(blocks, heads, share);
                double kept = pattern.density();
                cases.add(new Case(
                        String.format(
                                Locale.ROOT,
                                "  B %3d, select %.1f, %.3f kept, block-sparse over kept x dense:",
                                size,
                                share,
                                kept),
                        kept,
                        () -> attention.blockSparse(queries, rows, keys, values, layout, pattern, out)));
            }
        }
        Clock clock = new Clock(device.threads());
        double[] denseSeconds = new double[rounds * cases.size()];
        double[][] ratios = new double[cases.size()][rounds];
        for (int round = 0; round < rounds && !cancelled.getAsBoolean(); round++) {
            double before = seconds(clock, dense, 1);
            for (int i = 0; i < cases.size(); i++) {
                Case one = cases.get(i);
                double seconds = seconds(clock, one.work, Math.max(1, (int) (1 / one.kept)));
                double after = seconds(clock, dense, 1);
                ratios[i][round] = seconds / one.kept / ((before + after) / 2);
                denseSeconds[round * cases.size() + i] = after;
                before = after;
            }
        }
        if (cancelled.getAsBoolean()) {
            return;
        }
        double gflops = Flops.attention(tokens, tokens, layout) / 1e9;
        lines.accept(String.format(
                Locale.ROOT,
                "%d tokens, head of %d: dense %.0f / %.0f GFLOP/s, %.2f / %.2f of the FMA peak",
                tokens,
                headDim,
                gflops / least(denseSeconds),
                gflops / Median.of(Arrays.stream(denseSeconds)),
                gflops / least(denseSeconds) / device.fmaPeak(),
                gflops / Median.of(Arrays.stream(denseSeconds)) / device.fmaPeak()));
        for (int i = 0; i < cases.size(); i++) {
            lines.accept(String.format(
                    Locale.ROOT,
                    "%s %.3f (%.3f-%.3f)",
                    cases.get(i).name,
                    Median.of(Arrays.stream(ratios[i])),
                    least(ratios[i]),
                    Arrays.stream(ratios[i]).max().orElse(Double.NaN)));
        }
    }

    /** Seconds of one run, the mean of several. */
    private static double seconds(Clock clock, Runnable work, int runs) {
        long begin = clock.nanos();
        for (int i = 0; i < runs; i++) {
            work.run();
        }
        return (clock.nanos() - begin) / 1e9 / runs;
    }

    private static double least(double[] values) {
        return Arrays.stream(values).min().orElse(Double.NaN);
    }
}
