package dev.sparsed.bench.cli;

import java.io.ByteArrayInputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;

/** A run of the command in this JVM, and what it left behind. */
record Run(int exitCode, String out, String err) {

    /** Without a terminal and without input. */
    static Run of(String... args) {
        return of(Terminal.NONE, "", args);
    }

    static Run of(Terminal terminal, String input, String... args) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        Shell shell = new Shell(
                new PrintWriter(out),
                new PrintWriter(err),
                new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)),
                terminal);
        return new Run(Main.run(shell, args), out.toString(), err.toString());
    }
}
