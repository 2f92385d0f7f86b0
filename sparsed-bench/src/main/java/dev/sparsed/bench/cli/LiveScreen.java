package dev.sparsed.bench.cli;

import java.io.PrintWriter;
import java.util.List;

/**
 * A few lines at the bottom of a terminal that are drawn over again and again. Hides the cursor meanwhile; shows it
 * again when closed, and also if the JVM is ended before that (Ctrl-C). Not thread-safe.
 */
final class LiveScreen implements AutoCloseable {

    private static final String HIDE_CURSOR = "\033[?25l";
    private static final String SHOW_CURSOR = "\033[?25h";
    private static final String END_OF_LINE = "\033[K";
    private static final String END_OF_SCREEN = "\033[J";

    private final PrintWriter out;
    private final Thread restore;
    private int drawn;

    /**
     * Starts with nothing drawn.
     *
     * @param out leads to a terminal that understands ANSI escape sequences
     */
    LiveScreen(PrintWriter out) {
        this.out = out;
        this.restore = new Thread(this::showCursor, "sparsed-restore-cursor");
        Runtime.getRuntime().addShutdownHook(restore);
        out.print(HIDE_CURSOR);
        out.flush();
    }

    /**
     * Draws over what was drawn before.
     *
     * @param lines none wider than the terminal, fewer than the terminal has rows
     */
    void draw(List<String> lines) {
        StringBuilder frame = new StringBuilder(home());
        for (String line : lines) {
            frame.append(line).append(END_OF_LINE).append('\n');
        }
        out.print(frame.append(END_OF_SCREEN)); // in one piece, so that no half picture is seen
        out.flush();
        drawn = lines.size();
    }

    /** Removes what is drawn. */
    void clear() {
        draw(List.of());
    }

    private String home() {
        return drawn == 0 ? "\r" : "\033[" + drawn + "A\r";
    }

    private void showCursor() {
        out.print(SHOW_CURSOR);
        out.flush();
    }

    /** Leaves what is drawn and shows the cursor. */
    @Override
    public void close() {
        showCursor();
        try {
            Runtime.getRuntime().removeShutdownHook(restore);
        } catch (IllegalStateException e) {
            // the JVM is shutting down: the hook runs as well, which does no harm
        }
    }
}
