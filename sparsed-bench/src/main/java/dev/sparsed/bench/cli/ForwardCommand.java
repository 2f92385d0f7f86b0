package dev.sparsed.bench.cli;

import dev.sparsed.DiffusionModel;
import dev.sparsed.bench.FmaPeak;
import dev.sparsed.bench.ForwardRun;
import dev.sparsed.bench.MemoryUse;
import dev.sparsed.bench.ModelShape;
import dev.sparsed.bench.RandomCheckpoint;
import dev.sparsed.spi.DType;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** {@code sparsed bench-forward}: what whole steps cost, and what a generation of them would. */
@Command(
        name = "bench-forward",
        sortOptions = false,
        abbreviateSynopsis = true,
        mixinStandardHelpOptions = true,
        description =
                "Time the steps of a generation on a model with random weights: dense, selecting, block-sparse; and add them up.",
        footer = {"", "Example: sparsed bench-forward --shape S --tokens 512,2048,8192"})
final class ForwardCommand implements Callable<Integer> {

    /** Canvas that compiles the kernels, if the measured one is longer. */
    private static final int WARM_UP_TOKENS = 512;

    /** Layers times block-sparse steps to run before: with fewer, the first measured ones still wait for the compiler. */
    private static final int WARM_UP_LAYERS = 32;

    @ParentCommand
    private @Nullable Main main;

    @Option(
            names = "--shape",
            paramLabel = "NAME",
            defaultValue = "S",
            description =
                    "S (16 layers of 1024), M (8 layers of 2048), 8B (LLaDA-8B) or demo. Default: ${DEFAULT-VALUE}.")
    private String shapeName = "S";

    @Option(
            names = "--tokens",
            paramLabel = "N",
            split = ",",
            defaultValue = "512,2048",
            description = "Lengths of the canvas. Default: ${DEFAULT-VALUE}.")
    private int[] lengths = {};

    @Option(
            names = {"-n", "--gen-length"},
            paramLabel = "N",
            defaultValue = "128",
            description = "Positions that are masks at the start. Default: ${DEFAULT-VALUE}.")
    private int genLength;

    @Option(
            names = "--repeats",
            paramLabel = "N",
            defaultValue = "3",
            description = "Dense and block-sparse steps to time, each. Default: ${DEFAULT-VALUE}.")
    private int repeats;

    @Option(
            names = "--layers",
            paramLabel = "N",
            description =
                    "Run so many layers only, and add the median layer for each of the others; on a GPU, which runs all layers"
                            + " as one, the times are those of these layers. Default: all.")
    private @Nullable Integer layers;

    @Option(
            names = "--weights",
            paramLabel = "TYPE",
            defaultValue = "BF16",
            description = "BF16 or F32. Default: ${DEFAULT-VALUE}.")
    private DType dtype = DType.BF16;

    @Mixin
    private DeviceOptions device = new DeviceOptions();

    @Option(
            names = "--steps",
            paramLabel = "N",
            defaultValue = "128",
            description = "Steps of the generation that is added up. Default: ${DEFAULT-VALUE}.")
    private int steps;

    @Option(
            names = "--skip",
            paramLabel = "SHARE",
            defaultValue = "0.2",
            description = "SparseD: share of its steps that stay dense. Default: ${DEFAULT-VALUE}.")
    private double skip;

    @Option(
            names = "--select",
            paramLabel = "SHARE",
            defaultValue = "0.3",
            description = "SparseD: share of the key blocks to keep. Default: ${DEFAULT-VALUE}.")
    private double select;

    @Option(
            names = "--block-size",
            paramLabel = "N",
            defaultValue = "128",
            description = "SparseD: positions per block. Default: ${DEFAULT-VALUE}.")
    private int blockSize;

    @Override
    public Integer call() {
        ModelShape full = ModelShape.of(shapeName);
        ModelShape shape = layers == null ? full : full.withLayers(layers);
        check(full.layers());
        int longest = Arrays.stream(lengths).max().orElseThrow();
        try (RandomCheckpoint checkpoint = RandomCheckpoint.write(shape, dtype, longest, 1);
                DiffusionModel model = DiffusionModel.load(checkpoint.folder(), device.loadOptions(0))) {
            boolean onCpu = !model.backend().name().equals("cuda");
            double peak = onCpu ? FmaPeak.measure(model.backend().threads()) : Double.NaN;
            print(
                    "shape %s, %d of %d layers, %s weights of %s, %s, %s",
                    shapeName,
                    shape.layers(),
                    full.layers(),
                    dtype,
                    Texts.bytes(checkpoint.bytes()),
                    model.backend().device(),
                    onCpu
                            ? String.format(
                                    Locale.ROOT,
                                    "%d threads, FMA peak %.0f GFLOP/s",
                                    model.backend().threads(),
                                    peak)
                            : model.backend().notes());
            int warmUpSteps = Math.min(Math.ceilDiv(WARM_UP_LAYERS, shape.layers()), (genLength - 1) / 2);
            ForwardRun warmUp = new ForwardRun(model, shape, shape.layers(), warmUpSteps, select, blockSize);
            run(warmUp, Math.min(WARM_UP_TOKENS, longest));
            print(
                    "%7s %12s %12s %12s %8s %12s %12s %9s %11s",
                    "tokens",
                    "dense",
                    "dense+select",
                    "block-sparse",
                    "density",
                    "all dense",
                    "SparseD",
                    "speed-up",
                    "bytes/step");
            int timed = onCpu ? full.layers() : shape.layers();
            ForwardRun run = new ForwardRun(model, shape, timed, repeats, select, blockSize);
            for (int tokens : lengths) {
                MemoryUse.resetPeakHeap();
                printOutcome(run(run, tokens), tokens, peak);
            }
        }
        return 0;
    }

    private void check(int most) {
        Checks.atLeast("--repeats", repeats, 1);
        Checks.atLeast("--steps", steps, 1);
        if (layers != null && (layers < 2 || layers > most)) {
            throw new IllegalArgumentException("--layers " + layers + ": must be 2 ... " + most);
        }
        int least = 2 * repeats + 1;
        if (genLength < least) {
            throw new IllegalArgumentException(
                    "--gen-length " + genLength + ": must be at least " + least + ", one mask per step");
        }
        for (int tokens : lengths) {
            Checks.atLeast("--tokens", tokens, least);
        }
    }

    private ForwardRun.Outcome run(ForwardRun run, int tokens) {
        return run.run(tokens, Math.min(genLength, tokens), main.interruption()::cancelled);
    }

    private void printOutcome(ForwardRun.Outcome outcome, int tokens, double peak) {
        double dense = outcome.denseGeneration(steps);
        double sparse = outcome.sparseGeneration(steps, skip);
        List<ForwardRun.Kind> kinds =
                ForwardRun.KINDS.stream().map(outcome.kinds()::get).toList();
        print(
                "%7d %10.3f s %10.3f s %10.3f s %8.3f %10.1f s %10.1f s %8.2fx %,11d",
                tokens,
                kinds.get(0).seconds(),
                kinds.get(1).seconds(),
                kinds.get(2).seconds(),
                outcome.density(),
                dense,
                sparse,
                dense / sparse,
                kinds.get(2).bytes());
        print(
                "%7s %12.0f %12.0f %12.0f GFLOP/s; %sheap %s, resident %s",
                "",
                kinds.get(0).gflops(),
                kinds.get(1).gflops(),
                kinds.get(2).gflops(),
                Double.isNaN(peak)
                        ? ""
                        : String.format(
                                Locale.ROOT,
                                "%.2f, %.2f, %.2f of the FMA peak; ",
                                kinds.get(0).gflops() / peak,
                                kinds.get(1).gflops() / peak,
                                kinds.get(2).gflops() / peak),
                Texts.bytes(MemoryUse.peakHeap()),
                MemoryUse.peakResident().isPresent()
                        ? Texts.bytes(MemoryUse.peakResident().getAsLong())
                        : "unknown");
    }

    private void print(String format, Object... values) {
        main.shell().print(String.format(Locale.ROOT, format, values).stripTrailing());
    }
}
