package dev.sparsed.internal.vector;

import dev.sparsed.internal.cpu.WorkerPool;

/** Splits an operation that treats every row by itself into tasks of whole rows. */
final class RowTasks {

    /** Elements of a task: about 10 µs of work, several times what it costs to hand a task to another thread. */
    private static final int ELEMENTS = 16_384;

    /** Works on some rows. */
    @FunctionalInterface
    interface Body {
        /**
         * Works on the rows {@code from} (inclusive) to {@code to} (exclusive).
         *
         * @param from first row
         * @param to end
         */
        void run(int from, int to);
    }

    private RowTasks() {}

    /**
     * Runs the body on all rows.
     *
     * @param pool threads
     * @param rows how many, ≥ 0
     * @param columns elements of a row, ≥ 1
     * @param body what to do
     */
    static void forEach(WorkerPool pool, int rows, int columns, Body body) {
        int rowsPerTask = Math.max(1, ELEMENTS / columns);
        pool.forEach(Math.ceilDiv(rows, rowsPerTask), (task, slot) -> {
            int from = task * rowsPerTask;
            body.run(from, Math.min(rows, from + rowsPerTask));
        });
    }
}
