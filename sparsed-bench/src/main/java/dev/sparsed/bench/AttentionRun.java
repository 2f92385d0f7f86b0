package dev.sparsed.bench;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.attention.RatioRule;
import dev.sparsed.spi.AttentionBackend;
import dev.sparsed.spi.HeadLayout;
import dev.sparsed.spi.Positions;
import dev.sparsed.spi.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.BiConsumer;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * Times dense attention, the one that selects and block-sparse attention in turn, on the same operands in one process: their ratios hold
 * where the machine's speed does not.
 *
 * @param backend name of the backend
 * @param threads threads that work on one operation; 0 for all processors
 * @param heads query heads, and as many of keys and values
 * @param generated G, positions of the generation, at most the canvas
 * @param warmUpSeconds how long to run before, until the JVM has compiled the kernels, ≥ 0
 * @param rounds rounds in which everything runs once, ≥ 1
 */
public record AttentionRun(String backend, int threads, int heads, int generated, double warmUpSeconds, int rounds) {

    private static final int[] BLOCK_SIZES = {32, 64, 128};
    private static final double[] SHARES = {0.1, 0.3, 0.5};

    /** Canvas on which the kernels are compiled. */
    private static final int WARM_UP_TOKENS = 1024;

    /** Something to time beside dense attention. */
    private record Case(int blockSize, double share, double kept, Runnable work) {}

    /**
     * Measures.
     *
     * @param lengths canvases
     * @param headDims features of a head
     * @param cancelled asked between the operations; the rest is left out
     * @param lines receives the tables as they grow
     */
    public void run(int[] lengths, int[] headDims, BooleanSupplier cancelled, Consumer<String> lines) {
        try (Device device = new Device(backend, threads)) {
            lines.accept(String.format(
                    Locale.ROOT,
                    "%s, FMA peak %.0f GFLOP/s; %d heads, generation of %d; best / median of %d rounds",
                    backend,
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
        List<Case> selecting = new ArrayList<>();
        List<Case> sparse = new ArrayList<>();
        for (int size : BLOCK_SIZES) {
            BlockLayout blocks = new BlockLayout(tokens, Math.min(generated, tokens), size);
            RatioRule rule = new RatioRule(blocks, SHARES[0]);
            selecting.add(new Case(
                    size, 1, 1, () -> attention.denseAndSelect(queries, keys, values, layout, out, logSumExp, rule)));
            for (double share : SHARES) {
                BlockPattern pattern = device.pattern(blocks, heads, share);
                sparse.add(new Case(
                        size,
                        share,
                        pattern.density(),
                        () -> attention.blockSparse(queries, rows, keys, values, layout, pattern, out)));
            }
        }
        double[][] denseSeconds = new double[1][rounds];
        double[][] selectingSeconds = new double[selecting.size()][rounds];
        double[][] sparseSeconds = new double[sparse.size()][rounds];
        for (int round = 0; round < rounds; round++) {
            double before = seconds(dense, cancelled);
            time(selecting, selectingSeconds, round, cancelled);
            time(sparse, sparseSeconds, round, cancelled);
            denseSeconds[0][round] = (before + seconds(dense, cancelled)) / 2;
        }
        if (cancelled.getAsBoolean()) {
            return;
        }
        double flops = Flops.attention(tokens, tokens, layout);
        double[] gflops =
                Arrays.stream(denseSeconds[0]).map(s -> -flops / s / 1e9).toArray();
        lines.accept(String.format(
                Locale.ROOT,
                "%d tokens, head of %d: dense %.0f / %.0f GFLOP/s, %.2f / %.2f of the FMA peak",
                tokens,
                headDim,
                -best(gflops),
                -median(gflops),
                -best(gflops) / device.fmaPeak(),
                -median(gflops) / device.fmaPeak()));
        BiConsumer<Case, double[]> print = (one, seconds) -> lines.accept(String.format(
                Locale.ROOT,
                one.share == 1
                        ? "  B %3d, dense and selecting over dense: %.3f / %.3f"
                        : "  B %3d, block-sparse over kept x dense: %.3f / %.3f, select %.1f, kept %.3f",
                one.blockSize,
                best(seconds) / one.kept / best(denseSeconds[0]),
                median(ratios(seconds, denseSeconds[0], one.kept)),
                one.share,
                one.kept));
        for (int i = 0; i < selecting.size(); i++) {
            print.accept(selecting.get(i), selectingSeconds[i]);
        }
        for (int i = 0; i < sparse.size(); i++) {
            print.accept(sparse.get(i), sparseSeconds[i]);
        }
    }

    private static void time(List<Case> cases, double[][] seconds, int round, BooleanSupplier cancelled) {
        for (int i = 0; i < cases.size(); i++) {
            seconds[i][round] = seconds(cases.get(i).work, cancelled);
        }
    }

    private static double seconds(Runnable work, BooleanSupplier cancelled) {
        if (cancelled.getAsBoolean()) {
            return Double.NaN;
        }
        long begin = System.nanoTime();
        work.run();
        return (System.nanoTime() - begin) / 1e9;
    }

    private static double[] ratios(double[] seconds, double[] dense, double kept) {
        double[] ratios = new double[seconds.length];
        for (int i = 0; i < ratios.length; i++) {
            ratios[i] = seconds[i] / dense[i] / kept;
        }
        return ratios;
    }

    private static double best(double[] values) {
        return Arrays.stream(values).min().orElse(Double.NaN);
    }

    private static double median(double[] values) {
        double[] sorted = Arrays.stream(values).sorted().toArray();
        return (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2;
    }
}
