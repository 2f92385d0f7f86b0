package dev.sparsed.internal.amx;

import java.lang.foreign.MemorySegment;

/**
 * Lists of the keys that tiles of queries attend to, as groups of {@link Tiles#GROUP} keys with one bit for each key that counts, in the kernels'
 * form: {@code int group, int mask, int block, int unused}. The block says whose sums a group enters.
 *
 * <p>From the last key to the first: selection wants sums over the generation's keys that do not underflow beside much larger scores of the
 * prompt, and the kernels' shifts know the keys so far alone.
 */
final class KeyGroups {

    /** Of an entry, as pairs of integers. */
    private static final int LONGS = 2;

    private long[] entries = {};
    private int count;
    private int lastGroup;
    private int lastBlock;
    private int group;
    private int block;

    /**
     * Forgets all lists.
     *
     * @param keys length of the canvas
     * @param blocks number of blocks that will be added to a list: a group on their border is there for each of them
     * @param lists how many there will be
     */
    void clear(int keys, int blocks, int lists) {
        int wanted = Math.multiplyExact(lists * LONGS, Math.ceilDiv(keys, Tiles.GROUP) + blocks);
        entries = entries.length < wanted ? new long[wanted] : entries;
        count = 0;
        lastGroup = -1;
        lastBlock = -1;
        begin();
    }

    /** Begins a list. {@return its first entry} */
    int begin() {
        group = -1;
        block = -1;
        return count;
    }

    /**
     * Adds keys to the list begun last.
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
                entries[(count - 1) * LONGS] |= (long) mask << Integer.SIZE;
                continue;
            }
            group = next;
            this.block = block;
            entries[count * LONGS] = (long) mask << Integer.SIZE | next;
            entries[count * LONGS + 1] = block;
            count++;
        }
    }

    /** {@return the entries of all lists; the first {@link #count} count} */
    MemorySegment entries() {
        return MemorySegment.ofArray(entries);
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
