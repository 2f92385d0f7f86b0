package dev.sparsed.internal.amx;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The keys that a tile of queries attends to, as groups of {@link Tiles#GROUP} keys with one bit for each key that counts, in the kernels'
 * form: {@code int group, int mask, int block, int unused}. The block says whose sums a group enters.
 *
 * <p>From the last key to the first: selection wants sums over the generation's keys that do not underflow beside much larger scores of the
 * prompt, and the kernels' shifts know the keys so far alone.
 */
final class KeyGroups {

    private static final long ENTRY = 4L * Integer.BYTES;

    private MemorySegment entries = MemorySegment.NULL;
    private int count;
    private int lastGroup;
    private int lastBlock;
    private int group;
    private int block;

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
        lastBlock = -1;
        group = -1;
        block = -1;
    }

    /**
     * Adds keys.
     *
     * @param from first key
     * @param to end, exclusive; not beyond the first key of what was added last
     * @param block not greater than that added last
     */
    void add(int from, int to, int block) {
        lastGroup = Math.max(lastGroup, (to - 1) / Tiles.GROUP);
        lastBlock = Math.max(lastBlock, block);
        for (int next = (to - 1) / Tiles.GROUP; next >= from / Tiles.GROUP; next--) {
            int first = Math.max(from - next * Tiles.GROUP, 0);
            int end = Math.min(to - next * Tiles.GROUP, Tiles.GROUP);
            int mask = -1 >>> Tiles.GROUP - (end - first) << first;
            if (next == group && block == this.block) {
                long at = (count - 1) * ENTRY + Integer.BYTES;
                entries.set(ValueLayout.JAVA_INT, at, entries.get(ValueLayout.JAVA_INT, at) | mask);
                continue;
            }
            group = next;
            this.block = block;
            entries.set(ValueLayout.JAVA_INT, count * ENTRY, group);
            entries.set(ValueLayout.JAVA_INT, count * ENTRY + Integer.BYTES, mask);
            entries.set(ValueLayout.JAVA_INT, count * ENTRY + 2 * Integer.BYTES, block);
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

    /** {@return the largest block, −1 if there is none} */
    int lastBlock() {
        return lastBlock;
    }
}
