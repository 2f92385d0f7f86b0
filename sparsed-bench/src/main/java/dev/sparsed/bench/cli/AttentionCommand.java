package dev.sparsed.bench.cli;

import dev.sparsed.bench.AttentionRun;
import dev.sparsed.spi.DType;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** {@code sparsed bench-attention}: what the forms of attention cost beside each other. */
@Command(
        name = "bench-attention",
        sortOptions = false,
        abbreviateSynopsis = true,
        mixinStandardHelpOptions = true,
        description =
                "Time attention in turn, in one process: dense, dense that selects, block-sparse with random blocks; print ratios.",
        footer = {"", "Example: sparsed bench-attention --tokens 8192 --head-dim 64,128 --threads 2"})
final class AttentionCommand implements Callable<Integer> {

    @ParentCommand
    private @Nullable Main main;

    @Option(
            names = "--tokens",
            paramLabel = "N",
            split = ",",
            defaultValue = "4096,8192",
            description = "Lengths of the canvas. Default: ${DEFAULT-VALUE}.")
    private int[] lengths = {};

    @Option(
            names = "--head-dim",
            paramLabel = "N",
            split = ",",
            defaultValue = "64,128",
            description = "Features of a head. Default: ${DEFAULT-VALUE}.")
    private int[] headDims = {};

    @Option(
            names = "--heads",
            paramLabel = "N",
            defaultValue = "2",
            description = "Heads; time per head does not depend on their number. Default: ${DEFAULT-VALUE}.")
    private int heads;

    @Option(
            names = {"-n", "--gen-length"},
            paramLabel = "N",
            defaultValue = "128",
            description = "Positions of the generation. Default: ${DEFAULT-VALUE}.")
    private int genLength;

    @Option(
            names = "--warm-up",
            paramLabel = "SECONDS",
            defaultValue = "4",
            description = "How long to run before, until the JVM has compiled the kernels. Default: ${DEFAULT-VALUE}.")
    private double warmUpSeconds;

    @Option(
            names = "--rounds",
            paramLabel = "N",
            defaultValue = "5",
            description = "Rounds in which everything runs once. Default: ${DEFAULT-VALUE}.")
    private int rounds;

    @Option(
            names = "--backend",
            paramLabel = "NAME",
            defaultValue = "vector",
            description = "vector, amx or scalar. Default: ${DEFAULT-VALUE}.")
    private String backend = "vector";

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            defaultValue = "BF16",
            description =
                    "What AMX computes in: BF16, or F32, for which it has the vector kernels. Default: ${DEFAULT-VALUE}.")
    private DType dtype = DType.BF16;

    @Option(
            names = {"-t", "--threads"},
            paramLabel = "N",
            defaultValue = "0",
            description = "Threads that work on one operation; 0 for all processors. Default: ${DEFAULT-VALUE}.")
    private int threads;

    @Override
    public Integer call() {
        if (dtype != DType.F32 && dtype != DType.BF16) {
            throw new IllegalArgumentException("--dtype " + dtype + ": must be F32 or BF16");
        }
        Checks.atLeast("--rounds", rounds, 1);
        Checks.atLeast("--heads", heads, 1);
        Checks.atLeast("--gen-length", genLength, 1);
        if (!(warmUpSeconds >= 0)) {
            throw new IllegalArgumentException("--warm-up " + warmUpSeconds + ": must be at least 0");
        }
        for (int tokens : lengths) {
            Checks.atLeast("--tokens", tokens, 1);
        }
        for (int headDim : headDims) {
            Checks.atLeast("--head-dim", headDim, 1);
        }
        new AttentionRun(backend, threads, dtype, heads, genLength, warmUpSeconds, rounds)
                .run(lengths, headDims, main.interruption()::cancelled, main.shell()::print);
        return 0;
    }
}
