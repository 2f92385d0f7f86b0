package dev.sparsed.bench.cli;

import picocli.CommandLine.Option;

/** How results are shown. */
final class ViewOptions {

    @Option(names = "--plain", description = "No live view, also on a terminal.")
    private boolean plain;

    @Option(names = "--no-color", description = "No colours. So does the environment variable NO_COLOR.")
    private boolean noColor;

    /**
     * Whether to draw over what is on the screen.
     *
     * @param terminal where
     * @return false for pipes, files, dumb terminals, and where the user does not want it
     */
    boolean live(Terminal terminal) {
        return terminal.canRedraw() && !plain;
    }

    /**
     * The emphasis to use.
     *
     * @param terminal where
     * @return with colours only on a terminal
     */
    Style style(Terminal terminal) {
        return new Style(live(terminal) && terminal.colours() && !noColor);
    }
}
