package dev.sparsed.bench.cli;

import dev.sparsed.bench.peers.MatrixShape;
import dev.sparsed.bench.peers.OpenBlasPeer;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** {@code sparsed compare-blas}: our matrix product beside OpenBLAS's. */
@Command(
        name = "compare-blas",
        sortOptions = false,
        abbreviateSynopsis = true,
        mixinStandardHelpOptions = true,
        description = "Time our matrix product and OpenBLAS's, in turn, in one process.",
        footer = {"", "Example: sparsed compare-blas --threads 1,2 --shape 2048x2048x2048"})
final class CompareBlasCommand implements Callable<Integer> {

    @ParentCommand
    private @Nullable Main main;

    @Option(
            names = "--library",
            paramLabel = "FILE",
            description = "OpenBLAS. Default: the one that the system finds as libopenblas.")
    private @Nullable Path library;

    @Option(
            names = "--threads",
            paramLabel = "N",
            split = ",",
            description = "Numbers of threads, in turn. Default: ${DEFAULT-VALUE}.",
            defaultValue = "1,2")
    private List<Integer> threads = List.of();

    @Option(
            names = "--rounds",
            paramLabel = "N",
            description = "Rounds of each product. Default: ${DEFAULT-VALUE}.",
            defaultValue = "7")
    private int rounds;

    @Option(
            names = "--shape",
            paramLabel = "ROWSxINxOUT",
            split = ",",
            description = "Products. Default: 2048x2048x2048, and 512 tokens through layers of width 1024 and 2048.")
    private List<String> shapes = List.of();

    @Override
    public Integer call() {
        Checks.atLeast("--rounds", rounds, 1);
        threads.forEach(count -> Checks.atLeast("--threads", count, 1));
        List<MatrixShape> products = shapes.isEmpty()
                ? MatrixShape.LAYERS
                : shapes.stream().map(MatrixShape::parse).toList();
        OpenBlasPeer.find(library).compare(products, threads, rounds, main.shell()::print);
        return 0;
    }
}
