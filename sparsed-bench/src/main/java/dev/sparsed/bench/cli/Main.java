package dev.sparsed.bench.cli;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The {@code sparsed} command; its work is done by the subcommands. */
@Command(
        name = "sparsed",
        description = "Diffusion language models on the JVM, with SparseD block-sparse attention.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        subcommands = BenchCommand.class)
public final class Main implements Runnable {

    @Spec
    private CommandSpec spec;

    /**
     * Runs the command and exits: 0 if it succeeded, 1 if it failed, 2 if the command line is wrong.
     *
     * @param args the command line
     */
    public static void main(String[] args) {
        System.exit(new CommandLine(new Main()).execute(args));
    }

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "a command is missing");
    }
}
