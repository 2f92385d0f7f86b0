package dev.sparsed.bench.cli;

import java.io.Console;
import java.io.File;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What the standard streams lead to.
 *
 * @param inputIsTerminal whether a person types the standard input
 * @param canRedraw whether standard output is a terminal that understands ANSI escape sequences
 * @param colours whether the user wants colours on it
 * @param unicode whether it can show {@link Glyphs#UNICODE}
 * @param columns its width in characters, ≥ 20
 * @param rows its height in lines, ≥ 5
 */
record Terminal(boolean inputIsTerminal, boolean canRedraw, boolean colours, boolean unicode, int columns, int rows) {

    /** No terminal at either end: a pipe, a file, a test. */
    static final Terminal NONE = new Terminal(false, false, false, false, 80, 24);

    private static final int LEAST_COLUMNS = 20;
    private static final int LEAST_ROWS = 5;

    /** Bits of the exit code that {@link #PROBE} answers with. */
    private static final int INPUT = 1;

    private static final int OUTPUT = 2;

    /** The JDK only tells whether both streams are terminals; a shell tells of each. */
    private static final String PROBE = "r=0; test -t 0 && r=1; test -t 1 && r=$((r+2)); exit $r";

    /**
     * Finds out.
     *
     * @param environment the process's environment variables
     * @param charset what standard output is encoded with
     * @return the terminal
     */
    static Terminal detect(Map<String, String> environment, Charset charset) {
        Console console = System.console();
        int terminals = console != null && console.isTerminal() ? INPUT | OUTPUT : probe();
        boolean output = (terminals & OUTPUT) != 0;
        int[] size = output ? size(environment) : new int[] {NONE.rows, NONE.columns};
        return new Terminal(
                (terminals & INPUT) != 0,
                output && understandsAnsi(environment),
                environment.getOrDefault("NO_COLOR", "").isEmpty(),
                Glyphs.UNICODE.fit(charset),
                Math.max(LEAST_COLUMNS, size[1]),
                Math.max(LEAST_ROWS, size[0]));
    }

    /**
     * Whether the terminal understands ANSI escape sequences.
     *
     * @param environment environment variables
     * @return false for dumb terminals and for Windows consoles not known to understand them
     */
    static boolean understandsAnsi(Map<String, String> environment) {
        String term = environment.getOrDefault("TERM", "");
        if (File.separatorChar == '\\') {
            return environment.containsKey("WT_SESSION") || environment.containsKey("ANSICON") || !term.isEmpty();
        }
        return !term.isEmpty() && !term.equals("dumb");
    }

    private static int probe() {
        if (File.separatorChar == '\\') {
            return 0;
        }
        try {
            Process shell = new ProcessBuilder("sh", "-c", PROBE)
                    .redirectInput(ProcessBuilder.Redirect.INHERIT)
                    .redirectOutput(ProcessBuilder.Redirect.INHERIT)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            return finished(shell) ? shell.exitValue() & (INPUT | OUTPUT) : 0;
        } catch (IOException e) {
            return 0; // no shell: no terminal to redraw on, either
        }
    }

    /** Rows and columns: of the terminal, else of the environment, else 24 × 80. */
    private static int[] size(Map<String, String> environment) {
        int[] fallback = {number(environment.get("LINES"), NONE.rows), number(environment.get("COLUMNS"), NONE.columns)
        };
        File device = new File("/dev/tty");
        if (!device.exists()) {
            return fallback;
        }
        try {
            Process stty = new ProcessBuilder("stty", "size")
                    .redirectInput(device)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            if (!finished(stty)) {
                return fallback;
            }
            String[] words = new String(stty.getInputStream().readAllBytes(), StandardCharsets.US_ASCII)
                    .strip()
                    .split(" ");
            return words.length == 2
                    ? new int[] {number(words[0], fallback[0]), number(words[1], fallback[1])}
                    : fallback;
        } catch (IOException e) {
            return fallback;
        }
    }

    private static boolean finished(Process process) {
        try {
            if (process.waitFor(2, TimeUnit.SECONDS)) {
                return true;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        process.destroy();
        return false;
    }

    /** A positive number, or the fallback where there is none: terminals without a size say 0. */
    private static int number(@Nullable String text, int fallback) {
        return text != null && text.matches("[1-9][0-9]{0,4}") ? Integer.parseInt(text) : fallback;
    }
}
