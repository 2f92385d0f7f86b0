package dev.sparsed.internal.cpu;

/**
 * How the tasks of an operation on some items, such as heads, are shared out: the items are cut into lanes of neighbours, and a thread takes the
 * tasks of its lane as long as there are any, and then helps with the others. So what it has written of an item in one operation lies in its
 * own cache in the next, and fewer threads read the same. What is computed does not depend on it.
 */
public final class Lanes {

    /** Most lanes. */
    public static final int MOST = 4;

    private final int slots;
    private final int[] firstItem = new int[MOST + 1];
    private final int[] firstTask = new int[MOST + 1];
    private int count = 1;

    /**
     * Without items.
     *
     * @param pool the threads
     */
    public Lanes(WorkerPool pool) {
        slots = pool.slots();
    }

    /**
     * Cuts items into lanes, no more than there are threads.
     *
     * @param items how many, ≥ 1
     * @param most lanes at most, ≥ 1
     */
    public void cut(int items, int most) {
        count = Math.min(Math.min(slots, items), Math.min(most, MOST));
        for (int lane = 0; lane <= count; lane++) {
            firstItem[lane] = lane * items / count;
        }
    }

    /**
     * {@return the first item of a lane}
     *
     * @param lane 0 … the number of lanes, for which it is the number of items
     */
    public int firstItem(int lane) {
        return firstItem[lane];
    }

    /**
     * Gives every lane as many tasks.
     *
     * @param each tasks of a lane; those of lane l are {@code l × each …}
     * @return this
     */
    public Lanes withTasksPerLane(int each) {
        for (int lane = 0; lane <= count; lane++) {
            firstTask[lane] = lane * each;
        }
        return this;
    }

    /**
     * Gives every item as many tasks.
     *
     * @param each tasks of an item; those of item i are {@code i × each …}
     * @return this
     */
    public Lanes withTasksPerItem(int each) {
        for (int lane = 0; lane <= count; lane++) {
            firstTask[lane] = firstItem[lane] * each;
        }
        return this;
    }

    /**
     * {@return the lane of an item}
     *
     * @param item 0 … the number of items − 1
     */
    public int laneOf(int item) {
        int lane = 0;
        while (item >= firstItem[lane + 1]) {
            lane++;
        }
        return lane;
    }

    /** {@return how many lanes there are} */
    public int count() {
        return count;
    }

    /**
     * {@return the first task of a lane}
     *
     * @param lane 0 … {@code count()}, for which it is the number of tasks
     */
    int firstTask(int lane) {
        return firstTask[lane];
    }

    /** {@return how many tasks there are} */
    public int tasks() {
        return firstTask[count];
    }

    /**
     * {@return the task that the thread which has a run of tasks is likely to get next, or the last one}
     *
     * @param from first task of the run
     * @param to end of its tasks, 1 … {@code tasks()}
     */
    public int likelyAfter(int from, int to) {
        return Math.min(to + (Math.ceilDiv(slots, count) - 1) * (to - from), tasks() - 1);
    }
}
