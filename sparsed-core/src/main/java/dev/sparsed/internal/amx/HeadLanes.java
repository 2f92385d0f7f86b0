package dev.sparsed.internal.amx;

import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * Shares out the tasks of some heads so that a thread stays with its heads as long as these have tasks left, and then helps with others: the
 * keys and values that it packed lie in its own cache, and fewer threads read those of a head. The heads are cut into lanes of neighbours; a
 * thread begins with the lane of its slot. What is computed does not depend on it.
 */
final class HeadLanes {

    /** Most lanes. With more, packing would read less than 1 KiB at a time where 16 heads have 64 features, from a page each. */
    private static final int MOST = 4;

    /** Integers from one counter to the next, so that no two share a cache line. */
    private static final int SPACING = 16;

    private final int slots;
    private final AtomicIntegerArray next = new AtomicIntegerArray(MOST * SPACING);
    private final int[] firstHead = new int[MOST + 1];
    private final int[] firstTask = new int[MOST + 1];
    private int lanes;

    /**
     * Without heads.
     *
     * @param slots threads that work on an operation
     */
    HeadLanes(int slots) {
        this.slots = slots;
    }

    /**
     * Cuts heads into lanes.
     *
     * @param heads how many, ≥ 1
     */
    void cut(int heads) {
        lanes = Math.min(Math.min(slots, heads), MOST);
        for (int lane = 0; lane <= lanes; lane++) {
            firstHead[lane] = lane * heads / lanes;
        }
    }

    /** {@return the first head of a lane; for the number of lanes, the number of heads} */
    int firstHead(int lane) {
        return firstHead[lane];
    }

    /**
     * Begins an operation with as many tasks for every lane.
     *
     * @param each tasks of a lane; those of lane l are {@code l × each …}
     * @return how many tasks there are
     */
    int beginLanes(int each) {
        for (int lane = 0; lane <= lanes; lane++) {
            firstTask[lane] = lane * each;
        }
        return begin();
    }

    /**
     * Begins an operation with as many tasks for every head.
     *
     * @param each tasks of a head; those of head h are {@code h × each …}
     * @return how many tasks there are
     */
    int beginHeads(int each) {
        for (int lane = 0; lane <= lanes; lane++) {
            firstTask[lane] = firstHead[lane] * each;
        }
        return begin();
    }

    private int begin() {
        for (int lane = 0; lane < lanes; lane++) {
            next.set(lane * SPACING, firstTask[lane]);
        }
        return firstTask[lanes];
    }

    /**
     * {@return a task that has not been taken: to be called as many times as there are tasks}
     *
     * @param slot of the thread
     */
    int take(int slot) {
        int own = slot * lanes / slots;
        for (int i = 0; i < lanes; i++) {
            int lane = (own + i) % lanes;
            int task = next.get(lane * SPACING);
            if (task < firstTask[lane + 1]) {
                task = next.getAndIncrement(lane * SPACING);
                if (task < firstTask[lane + 1]) {
                    return task;
                }
            }
        }
        throw new IllegalStateException("all tasks have been taken");
    }

    /** {@return the task that the thread which took this one is likely to take next; may be one that does not exist} */
    int likelyAfter(int task) {
        return task + Math.ceilDiv(slots, lanes);
    }
}
