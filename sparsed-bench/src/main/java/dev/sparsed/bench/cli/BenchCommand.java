package dev.sparsed.bench.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Unmatched;

/** {@code sparsed bench}: hands its arguments to JMH as they are. */
@Command(
        name = "bench",
        description =
                "Runs the JMH benchmarks; takes JMH's own arguments (-h lists them), such as: bench Linear -p backend=vector -f 1")
final class BenchCommand implements Callable<Integer> {

    @Unmatched
    private final List<String> arguments = new ArrayList<>();

    @Override
    public Integer call() throws Exception {
        org.openjdk.jmh.Main.main(arguments.toArray(String[]::new)); // exits with 1 itself if it fails
        return 0;
    }
}
