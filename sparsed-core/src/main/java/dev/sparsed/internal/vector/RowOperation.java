package dev.sparsed.internal.vector;

import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.WorkerPool;

/**
 * An operation that treats every row by itself, split into tasks of whole rows. One object serves one request: its
 * operands are fields, set before {@link #forEachRow}, so that a call allocates nothing.
 */
abstract class RowOperation {

    /** Elements of a task: about 10 µs of work, several times what it costs to hand a task to another thread. */
    private static final int ELEMENTS = 16_384;

    /** An operand before the first call. */
    static final Matrix NOTHING = Matrix.zeros(0, 1);

    private final WorkerPool pool;
    private final WorkerPool.Task task = this::runTask;
    private int rows;
    private int rowsPerTask;

    /**
     * Works on a pool.
     *
     * @param pool threads
     */
    RowOperation(WorkerPool pool) {
        this.pool = pool;
    }

    /**
     * Runs the operation on all rows.
     *
     * @param count how many, ≥ 0
     * @param columns elements of a row, ≥ 1
     */
    final void forEachRow(int count, int columns) {
        rows = count;
        rowsPerTask = Math.max(1, ELEMENTS / columns);
        pool.forEach(Math.ceilDiv(count, rowsPerTask), task);
    }

    private void runTask(int index, int slot) {
        int from = index * rowsPerTask;
        run(from, Math.min(rows, from + rowsPerTask), slot);
    }

    /**
     * Works on the rows {@code from} (inclusive) to {@code to} (exclusive).
     *
     * @param from first row
     * @param to end
     * @param slot of the pool: for scratch memory
     */
    abstract void run(int from, int to, int slot);
}
