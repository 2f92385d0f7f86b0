package dev.sparsed.bench.cli;

import dev.sparsed.GenerationCancelledException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Lines of UTF-8 text, read by a thread of their own and at most one ahead: nothing ends a read from a terminal, but
 * waiting for a line can end.
 */
final class InputLines {

    /** How soon a waiting command notices that it is cancelled. */
    private static final int MILLIS_BETWEEN_LOOKS = 100;

    private record Line(@Nullable String text, @Nullable IOException failure) {}

    private final SynchronousQueue<Line> lines = new SynchronousQueue<>();
    private boolean ended;

    /**
     * Starts to read.
     *
     * @param in standard input
     */
    InputLines(InputStream in) {
        Thread reader = new Thread(() -> read(in), "sparsed-standard-input");
        reader.setDaemon(true);
        reader.start();
    }

    private void read(InputStream in) {
        BufferedReader reader =
                new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8.newDecoder())); // reports bad bytes
        try {
            String text;
            do {
                Line line = next(reader);
                text = line.text;
                lines.put(line);
            } while (text != null);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // nobody listens any more
        }
    }

    private static Line next(BufferedReader reader) {
        try {
            return new Line(reader.readLine(), null);
        } catch (IOException e) {
            return new Line(null, e);
        }
    }

    /**
     * Waits for the next line.
     *
     * @param cancelled whether to stop waiting
     * @return the line without its end; null after the last one
     * @throws GenerationCancelledException if it is cancelled
     * @throws UncheckedIOException if it cannot be read or is not UTF-8
     */
    @Nullable
    String next(BooleanSupplier cancelled) {
        Line line = null;
        while (line == null && !ended) {
            if (cancelled.getAsBoolean()) {
                throw new GenerationCancelledException("cancelled while waiting for input");
            }
            try {
                line = lines.poll(MILLIS_BETWEEN_LOOKS, TimeUnit.MILLISECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new GenerationCancelledException("interrupted while waiting for input");
            }
        }
        if (line == null) {
            return null;
        }
        ended = line.text == null;
        if (line.failure instanceof CharacterCodingException) {
            throw new UncheckedIOException(
                    "standard input: not UTF-8; convert it first (iconv -t utf-8)", line.failure);
        }
        if (line.failure != null) {
            throw new UncheckedIOException(
                    "standard input: cannot be read: " + line.failure.getMessage(), line.failure);
        }
        return line.text;
    }
}
