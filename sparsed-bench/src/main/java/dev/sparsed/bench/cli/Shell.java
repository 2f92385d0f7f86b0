package dev.sparsed.bench.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;

/**
 * Where a command reads and writes.
 *
 * @param out standard output: results
 * @param err standard error: everything else
 * @param in standard input
 * @param terminal what the streams lead to
 */
record Shell(PrintWriter out, PrintWriter err, InputStream in, Terminal terminal) {

    /**
     * Prints a line of results, to be seen at once.
     *
     * @param line without line end
     */
    void print(String line) {
        out.println(line);
        out.flush();
    }

    /** {@return the streams of this process} */
    static Shell ofProcess() {
        Charset out = charset(System.out.charset());
        return new Shell(
                writer(FileDescriptor.out, out),
                writer(FileDescriptor.err, charset(System.err.charset())),
                System.in,
                Terminal.detect(System.getenv(), System.out.charset()));
    }

    /**
     * A POSIX locale says ASCII, in most containers only because nobody set one; answers must not lose their letters to
     * it.
     */
    private static Charset charset(Charset declared) {
        return declared.equals(StandardCharsets.US_ASCII) ? StandardCharsets.UTF_8 : declared;
    }

    private static PrintWriter writer(FileDescriptor file, Charset charset) {
        return new PrintWriter(new OutputStreamWriter(new FileOutputStream(file), charset), true);
    }
}
