package dev.sparsed.bench.cli;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Numbers for people. */
final class Texts {

    private Texts() {}

    /**
     * A short time.
     *
     * @param nanos nanoseconds
     * @return in milliseconds, with one decimal below 10: {@code "4.2 ms"}, {@code "815 ms"}
     */
    static String millis(double nanos) {
        return String.format(Locale.ROOT, nanos < 9.95e6 ? "%.1f ms" : "%,.0f ms", nanos / 1e6);
    }

    /**
     * A time.
     *
     * @param duration any
     * @return in seconds: {@code "12.3 s"}
     */
    static String seconds(Duration duration) {
        return String.format(Locale.ROOT, "%.1f s", duration.toNanos() / 1e9);
    }

    /**
     * A share.
     *
     * @param share 0 … 1
     * @return {@code "34.5 %"}
     */
    static String percent(double share) {
        return String.format(Locale.ROOT, "%.1f %%", 100 * share);
    }

    /**
     * A count with separators.
     *
     * @param count any
     * @return {@code "7,475,456"}
     */
    static String count(long count) {
        return String.format(Locale.ROOT, "%,d", count);
    }

    /**
     * A number of bytes.
     *
     * @param bytes ≥ 0
     * @return in MiB or GiB
     */
    static String bytes(long bytes) {
        return bytes < 1L << 30
                ? String.format(Locale.ROOT, "%.1f MiB", bytes / (double) (1 << 20))
                : String.format(Locale.ROOT, "%.1f GiB", bytes / (double) (1 << 30));
    }

    /**
     * A text that does nothing to a terminal but appear on it.
     *
     * @param text any
     * @return the text with control characters other than tab and line break replaced by {@code '?'}
     */
    static String printable(String text) {
        return text.replaceAll("[\\p{Cntrl}\\x{80}-\\x{9f}&&[^\\n\\t]]", "?");
    }

    /**
     * Breaks a text into lines at its spaces.
     *
     * @param text without line breaks; the spaces it starts with begin every line
     * @param columns the most characters in a line; a longer word gets a line of its own
     * @return at least one line
     */
    static List<String> wrapped(String text, int columns) {
        String indent = text.substring(0, text.length() - text.stripLeading().length());
        List<String> lines = new ArrayList<>();
        StringBuilder line = new StringBuilder(indent);
        for (String word : text.strip().split(" ")) {
            boolean first = line.length() == indent.length();
            if (!first && line.length() + 1 + word.length() > columns) {
                lines.add(line.toString());
                line.setLength(indent.length());
                first = true;
            }
            line.append(first ? "" : " ").append(word);
        }
        lines.add(line.toString());
        return lines;
    }
}
