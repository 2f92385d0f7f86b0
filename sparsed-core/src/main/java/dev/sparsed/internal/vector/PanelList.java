package dev.sparsed.internal.vector;

import dev.sparsed.attention.BlockLayout;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;

/**
 * The keys that a tile of queries attends to, as ascending panels: panel p holds {@link #LANES} keys from
 * {@code p·LANES} on. Panels know nothing of blocks, so the same packed keys serve every block size; where a block ends
 * inside a panel, the panel carries one bit for each of its keys that counts.
 */
final class PanelList {

    /** Keys of one panel: the lanes of one vector. */
    static final int LANES = FloatVector.SPECIES_PREFERRED.length();

    /** The bits of a panel all of whose keys count. */
    static final long ALL = -1L >>> Long.SIZE - LANES;

    private int[] panels = new int[0];
    private long[] bits = new long[0];
    private int count;

    /**
     * Forgets all keys.
     *
     * @param keys length of the canvas: what the list may have to hold
     */
    void clear(int keys) {
        int capacity = Math.ceilDiv(keys, LANES) + 1;
        if (panels.length < capacity) {
            panels = new int[capacity];
            bits = new long[capacity];
        }
        count = 0;
    }

    /**
     * Adds keys.
     *
     * @param from first key, not before the end of what was added last
     * @param to end, exclusive
     */
    void add(int from, int to) {
        for (int panel = from / LANES; panel * LANES < to; panel++) {
            long added = bits(panel, from, to);
            if (count > 0 && panels[count - 1] == panel) {
                bits[count - 1] |= added;
            } else {
                panels[count] = panel;
                bits[count++] = added;
            }
        }
    }

    /** Makes the number of panels even, as the kernels need it, by a panel none of whose keys counts. */
    void padToPairs() {
        if (count % 2 != 0) {
            panels[count] = panels[count - 1];
            bits[count++] = 0;
        }
    }

    /**
     * {@return the bits of those keys of a panel that lie in a range}
     *
     * @param panel the panel
     * @param from first key of the range
     * @param to end of the range, exclusive
     */
    static long bits(int panel, int from, int to) {
        int first = Math.max(from - panel * LANES, 0);
        int end = Math.min(to - panel * LANES, LANES);
        return first >= end ? 0 : ALL >>> LANES - (end - first) << first;
    }

    /** {@return the first block of which a panel has keys} */
    static int firstBlock(int panel, BlockLayout layout) {
        return panel * LANES / layout.blockSize();
    }

    /** {@return the last block of which a panel has keys} */
    static int lastBlock(int panel, BlockLayout layout) {
        return (Math.min(panel * LANES + LANES, layout.canvasLength()) - 1) / layout.blockSize();
    }

    /**
     * {@return how many panels from an index of the list on lie in one block with all their keys}
     *
     * @param index first panel
     * @param most look at so many panels
     * @param layout the blocks
     */
    int wholePanels(int index, int most, BlockLayout layout) {
        int block = firstBlock(panels[index], layout);
        int whole = 0;
        while (whole < most
                && bits[index + whole] == ALL
                && firstBlock(panels[index + whole], layout) == block
                && lastBlock(panels[index + whole], layout) == block) {
            whole++;
        }
        return whole;
    }

    /** {@return how many panels there are} */
    int count() {
        return count;
    }

    /** {@return the panels; the first {@link #count} entries count} */
    int[] panels() {
        return panels;
    }

    /**
     * {@return the keys that count in the panel at an index of the list, one bit each}
     *
     * @param index 0 … {@code count() − 1}
     */
    long bits(int index) {
        return bits[index];
    }

    @Override
    public String toString() {
        return Arrays.toString(Arrays.copyOf(panels, count));
    }
}
