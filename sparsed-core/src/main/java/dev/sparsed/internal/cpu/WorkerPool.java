package dev.sparsed.internal.cpu;

import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A fixed set of threads that share out the tasks of one operation. The calling thread works too, so a pool of n
 * threads starts n − 1. Several callers may use one pool at once: workers help whichever operation has tasks left, and
 * every caller can finish its own alone.
 *
 * <p>Which thread runs a task is left to chance; what a task computes must not depend on it, nor on the number of
 * threads.
 */
public final class WorkerPool implements AutoCloseable {

    /** One piece of an operation. */
    @FunctionalInterface
    public interface Task {
        /**
         * Runs one task.
         *
         * @param task 0 … tasks − 1
         * @param slot 0 … {@link WorkerPool#slots()} − 1; no two tasks of one operation run in the same slot at the
         *     same time, so scratch memory can be kept per slot
         */
        void run(int task, int slot);
    }

    /**
     * How long an idle worker keeps looking for work before it parks, in nanoseconds. Operations of a small model
     * follow each other within some 10 µs, and waking a parked thread costs about 50 µs.
     */
    private static final long SPIN_NANOS = 50_000;

    private final Thread[] workers;
    private final ConcurrentLinkedQueue<Operation> operations = new ConcurrentLinkedQueue<>();
    private volatile boolean closed;

    /**
     * Starts the threads.
     *
     * @param threads threads that work on one operation, the caller's included, ≥ 1
     */
    public WorkerPool(int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException("threads = " + threads + ": must be at least 1");
        }
        workers = new Thread[threads - 1];
        for (int i = 0; i < workers.length; i++) {
            int slot = i + 1;
            workers[i] =
                    Thread.ofPlatform().daemon().name("sparsed-worker-" + slot).unstarted(() -> work(slot));
        }
        try {
            for (Thread worker : workers) {
                worker.start();
            }
        } catch (OutOfMemoryError e) { // the system lets us have no more threads
            close();
            throw e;
        }
    }

    /** {@return how many slots there are: the number of threads} */
    public int slots() {
        return workers.length + 1;
    }

    /**
     * Runs all tasks and returns when the last one is done. A task may itself call this method; the slots of its tasks
     * are then those of that inner operation.
     *
     * @param tasks how many
     * @param task what to run for each
     * @throws RuntimeException what a task threw; tasks not yet begun are then skipped
     */
    public void forEach(int tasks, Task task) {
        if (closed) {
            throw new IllegalStateException("the backend is closed");
        }
        if (tasks <= 1 || workers.length == 0) {
            for (int i = 0; i < tasks; i++) {
                task.run(i, 0);
            }
            return;
        }
        Operation operation = new Operation(task, tasks);
        operations.add(operation);
        for (int i = 0; i < Math.min(workers.length, tasks - 1); i++) {
            LockSupport.unpark(workers[i]);
        }
        operation.help(0);
        operations.remove(operation);
        operation.awaitLastTask();
    }

    private void work(int slot) {
        long idleSince = System.nanoTime();
        while (!closed) {
            Operation operation = operations.peek();
            if (operation != null) {
                operation.help(slot);
                operations.remove(operation); // nothing left to begin in it
                idleSince = System.nanoTime();
            } else if (System.nanoTime() - idleSince < SPIN_NANOS) {
                Thread.onSpinWait();
            } else {
                LockSupport.park(this);
                Thread.interrupted(); // a task may have set it, and park would then return at once for ever
                idleSince = System.nanoTime();
            }
        }
    }

    /**
     * Stops the threads and waits until they have ended; not to be called by a task. Operations under way finish in
     * their callers.
     */
    @Override
    public void close() {
        closed = true;
        boolean interrupted = false;
        for (Thread worker : workers) {
            LockSupport.unpark(worker);
            while (worker.isAlive()) {
                try {
                    worker.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    /** One call of {@link #forEach}. */
    private static final class Operation {

        private final Task task;
        private final int tasks;
        private final Thread caller = Thread.currentThread();
        private final AtomicInteger next = new AtomicInteger();
        private final AtomicInteger done = new AtomicInteger();
        private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();

        Operation(Task task, int tasks) {
            this.task = task;
            this.tasks = tasks;
        }

        /** Runs tasks until none is left to begin. */
        void help(int slot) {
            for (int i = next.getAndIncrement(); i < tasks; i = next.getAndIncrement()) {
                try {
                    if (failure.get() == null) {
                        task.run(i, slot);
                    }
                } catch (Throwable e) { // an Error too: the caller must hear of it, and must not wait for ever
                    failure.compareAndSet(null, e);
                } finally {
                    if (done.incrementAndGet() == tasks) {
                        LockSupport.unpark(caller);
                    }
                }
            }
        }

        void awaitLastTask() {
            boolean interrupted = false;
            long begin = System.nanoTime();
            while (done.get() < tasks) {
                if (System.nanoTime() - begin < SPIN_NANOS) {
                    Thread.onSpinWait();
                } else {
                    LockSupport.park(this);
                    interrupted |= Thread.interrupted(); // else park would return at once for ever
                }
            }
            if (interrupted) {
                caller.interrupt();
            }
            switch (failure.get()) {
                case null -> {}
                case RuntimeException e -> throw e;
                case Error e -> throw e;
                case Throwable e -> throw new IllegalStateException("a task failed", e);
            }
        }
    }
}
