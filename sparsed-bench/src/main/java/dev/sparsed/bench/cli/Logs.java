package dev.sparsed.bench.cli;

import java.util.logging.Level;
import java.util.logging.Logger;

/** What of the log a user of the command sees: warnings, one line each. */
final class Logs {

    private static final String FORMAT = "java.util.logging.SimpleFormatter.format";

    /** Held here because java.util.logging forgets the level of a logger that nobody holds. */
    private static final Logger TOKENIZERS = Logger.getLogger("ai.djl");

    private Logs() {}

    /** Sets it up, unless the user has configured java.util.logging. To be called before anything is logged. */
    static void setUp() {
        if (System.getProperty("java.util.logging.config.file") != null) {
            return;
        }
        if (System.getProperty(FORMAT) == null) {
            System.setProperty(FORMAT, "sparsed: %4$s: %5$s%6$s%n");
        }
        TOKENIZERS.setLevel(Level.SEVERE); // it warns of every machine without CUDA, which tokenizing does not need
    }
}
