package dev.sparsed.internal.amx;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The keys that a tile of queries attends to, as groups of {@link Tiles#GROUP} keys with one bit for each key that counts, ascending, in
 * the kernels' form: {@code int group, int mask, int slot, int unused}. The slot says which sum of the selection a group enters.
 */
final class KeyGroups {

    private static final long ENTRY = 4L * Integer.BYTES;

    private MemorySegment entries = MemorySegment.NULL;
    private int count;
    private int lastGroup;
    private int lastSlot;

    /**
     * Forgets all keys.
     *
     * @param keys length of the canvas
     * @param blocks number of blocks that will be added: a group on their border is there for each of them
     */
    void clear(int keys, int blocks) {
        entries = Tiles.atLeast(entries, (Math.ceilDiv(keys, Tiles.GROUP) + (long) blocks) * ENTRY);
        count = 0;
        lastGroup = -1;
        lastSlot = 0;
    }

    /**
     * Adds keys.
     *
     * @param from first key, not before the end of what was added last
     * @param to end, exclusive
     * @param slot not less than that added last
     */
    void add(int from, int to, int slot) {
        for (int group = from / Tiles.GROUP; group * Tiles.GROUP < to; group++) {
            int first = Math.max(from - group * Tiles.GROUP, 0);
            int end = Math.min(to - group * Tiles.GROUP, Tiles.GROUP);
            int mask = -1 >>> Tiles.GROUP - (end - first) << first;
            if (group == lastGroup && slot == lastSlot) {
                long at = (count - 1) * ENTRY + Integer.BYTES;
                entries.set(ValueLayout.JAVA_INT, at, entries.get(ValueLayout.JAVA_INT, at) | mask);
                continue;
            }
            entries.set(ValueLayout.JAVA_INT, count * ENTRY, group);
            entries.set(ValueLayout.JAVA_INT, count * ENTRY + Integer.BYTES, mask);
            entries.set(ValueLayout.JAVA_INT, count * ENTRY + 2 * Integer.BYTES, slot);
            lastGroup = group;
            lastSlot = slot;
            count++;
        }
    }

    /** {@return the entries; the first {@link #count} count} */
    MemorySegment entries() {
        return entries;
    }

    /** {@return how many entries there are} */
    int count() {
        return count;
    }

    /** {@return the largest group, −1 if there is none} */
    int lastGroup() {
        return lastGroup;
    }

    /** {@return the largest slot, 0 if there is none} */
    int lastSlot() {
        return lastSlot;
    }
}
