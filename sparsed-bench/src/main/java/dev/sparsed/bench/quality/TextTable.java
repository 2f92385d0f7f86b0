package dev.sparsed.bench.quality;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/** A table of text whose columns are as wide as they have to be. Names stand to the left of their columns, numbers to the right. */
final class TextTable {

    private final int names;
    private final List<List<String>> rows = new ArrayList<>();

    /**
     * Starts a table.
     *
     * @param names how many of the first columns hold names
     * @param head what the columns are called
     */
    TextTable(int names, String... head) {
        this.names = names;
        rows.add(List.of(head));
    }

    /** Adds a row of as many cells as the head has. */
    void row(String... cells) {
        rows.add(Arrays.asList(cells));
    }

    /** {@return the lines, the head first, without line ends} */
    List<String> lines() {
        int[] widths = IntStream.range(0, rows.getFirst().size())
                .map(column -> rows.stream()
                        .mapToInt(row -> row.get(column).length())
                        .max()
                        .orElseThrow())
                .toArray();
        return rows.stream().map(row -> line(row, widths)).toList();
    }

    private String line(List<String> row, int[] widths) {
        StringBuilder line = new StringBuilder();
        for (int column = 0; column < widths.length; column++) {
            String cell = row.get(column);
            String space = " ".repeat(widths[column] - cell.length());
            line.append(column == 0 ? "" : "  ").append(column < names ? cell + space : space + cell);
        }
        return line.toString().stripTrailing();
    }

    /** {@return a number in a format of {@link String#format}, or a dash if it is NaN} */
    static String number(String format, double value) {
        return Double.isNaN(value) ? "-" : String.format(Locale.ROOT, format, value);
    }
}
