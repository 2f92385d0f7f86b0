package dev.sparsed.bench.cli;

import dev.sparsed.GenerationCancelledException;
import java.util.Arrays;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * The {@code sparsed} command. Exit codes: 0 for success, 1 for a failure that is explained in one line on standard
 * error, 2 for wrong usage, 130 if cancelled.
 */
@Command(
        name = "sparsed",
        description = "Diffusion language models on the JVM, with SparseD block-sparse attention.",
        subcommands = {
            GenerateCommand.class,
            ChatCommand.class,
            DemoCommand.class,
            QualityCommand.class,
            TasksCommand.class,
            ReportCommand.class,
            TuneCommand.class,
            InfoCommand.class,
            BenchCommand.class,
            ForwardCommand.class,
            AttentionCommand.class,
            CompareBlasCommand.class,
            CompareAmxCommand.class
        },
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        synopsisSubcommandLabel = "COMMAND")
public final class Main {

    private static final int MOST_COLUMNS_OF_HELP = 110;

    private static final Pattern UNDERSCORES = Pattern.compile("--[a-z]+(_[a-z]+)+(=|$)");

    private final Shell shell;
    private final Interruption interruption;

    @Option(
            names = "--stacktrace",
            description = "On failure, show the stack trace, too. So does the environment variable SPARSED_DEBUG.",
            scope = ScopeType.INHERIT)
    private boolean stackTrace;

    private Main(Shell shell, Interruption interruption) {
        this.shell = shell;
        this.interruption = interruption;
    }

    /**
     * Runs the command and ends the JVM with its exit code.
     *
     * @param args the command line
     */
    public static void main(String[] args) {
        Logs.setUp();
        System.exit(run(args));
    }

    /**
     * Runs the command on the process's streams.
     *
     * @param args the command line
     * @return the exit code
     */
    static int run(String... args) {
        return run(Shell.ofProcess(), args);
    }

    /**
     * Runs the command.
     *
     * @param shell where it reads and writes
     * @param args the command line
     * @return the exit code
     */
    static int run(Shell shell, String... args) {
        try (Interruption interruption = new Interruption()) {
            Main main = new Main(shell, interruption);
            CommandLine commands = new CommandLine(main)
                    .setOut(shell.out())
                    .setErr(shell.err())
                    .setCaseInsensitiveEnumValuesAllowed(true)
                    .setUsageHelpWidth(Math.min(
                            MOST_COLUMNS_OF_HELP, Math.max(80, shell.terminal().columns())))
                    .setParameterExceptionHandler((problem, line) -> main.misused(problem))
                    .setExecutionExceptionHandler((problem, line, parsed) -> main.failed(problem));
            if (args.length == 0) {
                commands.usage(shell.err());
                return CommandLine.ExitCode.USAGE;
            }
            try {
                return commands.execute(hyphenated(args));
            } catch (OutOfMemoryError e) {
                return main.failed(e);
            }
        } finally {
            shell.out().flush();
            shell.err().flush();
        }
    }

    /** The reference codes' spelling of an option, {@code --gen_length}, stands for {@code --gen-length}. */
    static String[] hyphenated(String... args) {
        return Arrays.stream(args)
                .map(arg -> UNDERSCORES.matcher(arg).lookingAt() ? withHyphens(arg) : arg)
                .toArray(String[]::new);
    }

    private static String withHyphens(String option) {
        int end = option.indexOf('=') < 0 ? option.length() : option.indexOf('=');
        return option.substring(0, end).replace('_', '-') + option.substring(end);
    }

    private int misused(ParameterException problem) {
        CommandLine command = problem.getCommandLine();
        String hint = suggestion(problem);
        shell.err()
                .println("sparsed: " + problem.getMessage().replaceAll("\\s*\\R\\s*", " ")
                        + (hint == null ? "" : "; did you mean " + hint + "?")
                        + " (" + command.getCommandSpec().qualifiedName() + " --help lists the options)");
        showStackTrace(problem);
        return CommandLine.ExitCode.USAGE;
    }

    private static @Nullable String suggestion(ParameterException problem) {
        return problem instanceof UnmatchedArgumentException unmatched
                        && !unmatched.getSuggestions().isEmpty()
                ? unmatched.getSuggestions().getFirst()
                : null;
    }

    private int failed(Throwable problem) {
        Failure failure = Failure.of(problem);
        shell.out().flush();
        if (problem instanceof GenerationCancelledException && shell.terminal().canRedraw()) {
            shell.err().println(); // the terminal has just written ^C
        }
        shell.err().println("sparsed: " + failure.message());
        showStackTrace(problem);
        return failure.exitCode();
    }

    private void showStackTrace(Throwable problem) {
        if (stackTrace || !System.getenv().getOrDefault("SPARSED_DEBUG", "").isEmpty()) {
            problem.printStackTrace(shell.err());
        }
    }

    /** {@return where commands read and write} */
    Shell shell() {
        return shell;
    }

    /** {@return what tells them to stop} */
    Interruption interruption() {
        return interruption;
    }
}
