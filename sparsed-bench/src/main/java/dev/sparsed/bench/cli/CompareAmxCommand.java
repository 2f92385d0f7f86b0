package dev.sparsed.bench.cli;

import dev.sparsed.bench.peers.AmxPeer;
import dev.sparsed.bench.peers.MatrixShape;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** {@code sparsed compare-amx}: the AMX backend beside oneDNN and the vector backend. */
@Command(
        name = "compare-amx",
        sortOptions = false,
        abbreviateSynopsis = true,
        mixinStandardHelpOptions = true,
        description = "Time the AMX backend, oneDNN 2 and the vector backend, in turn, in one process; GFLOP/s.",
        footer = {"", "Example: OMP_NUM_THREADS=2 sparsed compare-amx --threads 2 --tokens 4096"})
final class CompareAmxCommand implements Callable<Integer> {

    @ParentCommand
    private @Nullable Main main;

    @Option(
            names = "--library",
            paramLabel = "FILE",
            description = "oneDNN 2. Default: the one that the system finds as libdnnl.so.2.")
    private @Nullable Path library;

    @Option(
            names = "--threads",
            paramLabel = "N",
            description = "Threads of our backends; oneDNN's are set by OMP_NUM_THREADS. Default: ${DEFAULT-VALUE}.",
            defaultValue = "2")
    private int threads;

    @Option(
            names = "--rounds",
            paramLabel = "N",
            description = "Rounds of each comparison. Default: ${DEFAULT-VALUE}.",
            defaultValue = "7")
    private int rounds;

    @Option(
            names = "--tokens",
            paramLabel = "N",
            split = ",",
            description = "Canvases for attention. Default: ${DEFAULT-VALUE}.",
            defaultValue = "4096,8192")
    private int[] tokens = {};

    @Option(names = "--no-linear", description = "Attention alone, without linear layers and oneDNN.")
    private boolean attentionAlone;

    @Override
    public Integer call() {
        Checks.atLeast("--threads", threads, 1);
        Checks.atLeast("--rounds", rounds, 1);
        try (AmxPeer peer = new AmxPeer(threads, rounds, main.shell()::print)) {
            if (!attentionAlone) {
                peer.linear(library, MatrixShape.LAYERS);
            }
            main.shell().print("attention: tokens x heads x head dimension | amx | vector | | | to vector");
            for (int length : tokens) {
                for (int headDim : List.of(64, 128)) {
                    peer.attention(length, 2, headDim);
                }
            }
        }
        return 0;
    }
}
