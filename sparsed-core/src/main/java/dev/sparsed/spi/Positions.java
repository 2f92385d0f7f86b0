package dev.sparsed.spi;

import java.util.Arrays;

/** Canvas positions of the rows of an activation, strictly ascending. Row {@code i} of the activation is canvas position {@code get(i)}. */
public final class Positions {

    private final int[] ascending;

    private Positions(int[] ascending) {
        this.ascending = ascending;
    }

    /**
     * All positions from {@code from} (inclusive) to {@code to} (exclusive).
     *
     * @param from first position, ≥ 0
     * @param to end, ≥ {@code from}
     * @return the positions
     */
    public static Positions range(int from, int to) {
        if (from < 0 || to < from) {
            throw new IllegalArgumentException("positions from " + from + " to " + to + ": need 0 <= from <= to");
        }
        int[] all = new int[to - from];
        Arrays.setAll(all, i -> from + i);
        return new Positions(all);
    }

    /**
     * The given positions.
     *
     * @param ascending strictly ascending, none negative; copied
     * @return the positions
     * @throws IllegalArgumentException if they are not strictly ascending
     */
    public static Positions of(int... ascending) {
        int previous = -1;
        for (int position : ascending) {
            if (position <= previous) {
                throw new IllegalArgumentException("positions must be strictly ascending and not negative, but "
                        + position + " follows " + previous);
            }
            previous = position;
        }
        return new Positions(ascending.clone());
    }

    /** {@return how many there are} */
    public int count() {
        return ascending.length;
    }

    /**
     * {@return the canvas position of row {@code row}}
     *
     * @param row 0 … {@code count() - 1}
     */
    public int get(int row) {
        return ascending[row];
    }

    /**
     * The first row whose position is at or after {@code position}.
     *
     * @param position a canvas position
     * @return the row, {@code count()} if there is none
     */
    public int firstRowFrom(int position) {
        int found = Arrays.binarySearch(ascending, position);
        return found >= 0 ? found : -found - 1;
    }

    /** {@return a copy as an array} */
    public int[] toArray() {
        return ascending.clone();
    }

    @Override
    public String toString() {
        return Arrays.toString(ascending);
    }
}
