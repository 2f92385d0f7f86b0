package dev.sparsed.internal.cpu;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A fixed set of threads that share out the tasks of one operation. The calling thread works too, so a pool of n
 * threads starts n − 1. Several callers may use one pool at once: workers help whichever operation has tasks left, and
 * every caller can finish its own alone. An operation allocates nothing, once as many were under way at the same time
 * before.
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

    /** Under way or waiting to be used again; replaced by a longer array where all are under way. */
    private volatile Operation[] operations = {};

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
        Operation operation = freeOperation();
        try {
            operation.begin(task, tasks);
            for (int i = 0; i < Math.min(workers.length, tasks - 1); i++) {
                LockSupport.unpark(workers[i]);
            }
            operation.help(0);
            operation.awaitLastTask();
        } finally {
            operation.end();
        }
    }

    private Operation freeOperation() {
        for (Operation operation : operations) {
            if (operation.reserve()) {
                return operation;
            }
        }
        Operation operation = new Operation();
        synchronized (this) {
            Operation[] longer = Arrays.copyOf(operations, operations.length + 1);
            longer[operations.length] = operation;
            operations = longer;
        }
        return operation;
    }

    private void work(int slot) {
        long idleSince = System.nanoTime();
        while (!closed) {
            if (helpAnyone(slot)) {
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

    /** Helps every operation that has tasks left to begin. {@return whether there was one} */
    private boolean helpAnyone(int slot) {
        boolean helped = false;
        for (Operation operation : operations) {
            if (operation.hasTasks()) {
                operation.help(slot);
                helped = true;
            }
        }
        return helped;
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

    /**
     * One call of {@link #forEach} at a time, and then another one. A worker may still look at it from an earlier call
     * when the next one begins: what it reads to claim a task, and the claim, are therefore one atomic long.
     */
    private static final class Operation {

        private final AtomicBoolean reserved = new AtomicBoolean(true);

        /** Upper half: number of tasks; lower half: the next one to begin. */
        private final AtomicLong claims = new AtomicLong();

        private final AtomicInteger done = new AtomicInteger();
        private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
        private @Nullable Task task;
        private @Nullable Thread caller;

        /** {@return whether it was free and is now the caller's} */
        boolean reserve() {
            return !reserved.get() && reserved.compareAndSet(false, true);
        }

        void begin(Task newTask, int tasks) {
            task = newTask;
            caller = Thread.currentThread();
            done.set(0);
            failure.set(null);
            claims.set((long) tasks << Integer.SIZE); // last: publishes the rest
        }

        boolean hasTasks() {
            long claim = claims.get();
            return next(claim) < tasks(claim);
        }

        private static int next(long claim) {
            return (int) claim;
        }

        private static int tasks(long claim) {
            return (int) (claim >>> Integer.SIZE);
        }

        /** Runs tasks until none is left to begin. */
        void help(int slot) {
            for (long claim = claims.get(); next(claim) < tasks(claim); claim = claims.get()) {
                if (claims.compareAndSet(claim, claim + 1)) {
                    run(next(claim), tasks(claim), slot);
                }
            }
        }

        private void run(int index, int tasks, int slot) {
            Thread waiting = caller;
            try {
                if (failure.get() == null) {
                    task.run(index, slot);
                }
            } catch (Throwable e) { // an Error too: the caller must hear of it, and must not wait for ever
                failure.compareAndSet(null, e);
            } finally {
                if (done.incrementAndGet() == tasks) {
                    LockSupport.unpark(waiting);
                }
            }
        }

        void awaitLastTask() {
            boolean interrupted = false;
            int tasks = tasks(claims.get());
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
                Thread.currentThread().interrupt();
            }
            switch (failure.get()) {
                case null -> {}
                case RuntimeException e -> throw e;
                case Error e -> throw e;
                case Throwable e -> throw new IllegalStateException("a task failed", e);
            }
        }

        /** Lets go of the caller's objects and is free again. */
        void end() {
            task = null;
            caller = null;
            reserved.set(false);
        }
    }
}
