package dev.sparsed.internal.cpu;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;
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

    /** Pieces of an operation that lie one after the other. */
    @FunctionalInterface
    public interface Run {
        /**
         * Runs some tasks.
         *
         * @param from first task, 0 … tasks − 1
         * @param to end of the tasks, exclusive
         * @param slot 0 … {@link WorkerPool#slots()} − 1; no two tasks of one operation run in the same slot at the
         *     same time, so scratch memory can be kept per slot
         */
        void run(int from, int to, int slot);
    }

    /** One piece of an operation. */
    @FunctionalInterface
    public interface Task extends Run {
        /**
         * Runs one task.
         *
         * @param task 0 … tasks − 1
         * @param slot as in {@link Run}
         */
        void run(int task, int slot);

        @Override
        default void run(int from, int to, int slot) {
            for (int task = from; task < to; task++) {
                run(task, slot);
            }
        }
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
        forEach(tasks, null, 1, task);
    }

    /**
     * The same where every thread has a lane of tasks that it takes first.
     *
     * @param lanes the tasks; not to be changed meanwhile
     * @param task what to run for each
     * @throws RuntimeException as above
     */
    public void forEach(Lanes lanes, Task task) {
        forEach(lanes.tasks(), lanes, 1, task);
    }

    /**
     * The same where a thread takes several tasks of a lane at a time: as many as allowed while many are left, and fewer towards the end, so
     * that the threads end together.
     *
     * @param lanes the tasks; not to be changed meanwhile
     * @param most how many at a time, ≥ 1; rarely more, where another operation with more has just ended
     * @param run what to run
     * @throws RuntimeException as above
     */
    public void forEachRun(Lanes lanes, int most, Run run) {
        forEach(lanes.tasks(), lanes, most, run);
    }

    private void forEach(int tasks, @Nullable Lanes lanes, int most, Run run) {
        if (closed) {
            throw new IllegalStateException("the backend is closed");
        }
        if (tasks <= 1 || workers.length == 0) {
            for (int i = 0; i < tasks; i += most) {
                run.run(i, Math.min(i + most, tasks), 0);
            }
            return;
        }
        Operation operation = freeOperation();
        try {
            operation.begin(run, tasks, lanes, most);
            for (int i = 0; i < Math.min(workers.length, tasks - 1); i++) {
                LockSupport.unpark(workers[i]);
            }
            operation.help(0);
            operation.awaitLastTask();
        } finally {
            operation.end();
        }
    }

    /**
     * {@return how many of a lane's tasks a thread takes at a time: half of what would be its share of those left, so that all end together}
     *
     * @param left tasks left, ≥ 1
     * @param threads that have the lane
     * @param most how many at a time
     */
    static int taken(int left, int threads, int most) {
        return Math.max(1, Math.min(left / (2 * threads), most));
    }

    private Operation freeOperation() {
        for (Operation operation : operations) {
            if (operation.reserve()) {
                return operation;
            }
        }
        Operation operation = new Operation(slots());
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
     * when the next one begins: what it reads to claim a task, and the claim, are therefore one atomic long. Whoever has
     * claimed a task may read the rest, for the call cannot end before that task.
     */
    private static final class Operation {

        /** Claims lie a cache line apart. */
        private static final int SPACING = 8;

        private final int slots;
        private final AtomicBoolean reserved = new AtomicBoolean(true);

        /** For every lane, upper half: end of its tasks; lower half: the next one to begin. */
        private final AtomicLongArray claims = new AtomicLongArray(Lanes.MOST * SPACING);

        private final AtomicInteger done = new AtomicInteger();
        private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
        private @Nullable Run run;
        private @Nullable Thread caller;
        private int tasks;

        /** Tasks that are claimed at a time, at most. Who reads that of an earlier call claims more or fewer, which runs must bear. */
        private int most;

        /** One that is too large is harmless: lanes of an earlier call have no tasks left. */
        private volatile int lanes = 1;

        Operation(int slots) {
            this.slots = slots;
        }

        /** {@return whether it was free and is now the caller's} */
        boolean reserve() {
            return !reserved.get() && reserved.compareAndSet(false, true);
        }

        void begin(Run newRun, int newTasks, @Nullable Lanes newLanes, int newMost) {
            run = newRun;
            tasks = newTasks;
            most = newMost;
            caller = Thread.currentThread();
            done.set(0);
            failure.set(null);
            int count = newLanes == null ? 1 : newLanes.count();
            if (count > 1) { // nobody is to find one lane and miss the own
                lanes = 0;
            } else if (lanes != 1) { // spares small operations the fence of a volatile write
                lanes = 1;
            }
            for (int lane = 0; lane < count; lane++) { // last: publishes the rest
                int first = newLanes == null ? 0 : newLanes.firstTask(lane);
                int end = newLanes == null ? newTasks : newLanes.firstTask(lane + 1);
                claims.set(lane * SPACING, (long) end << Integer.SIZE | first);
            }
            if (count > 1) {
                lanes = count;
            }
        }

        boolean hasTasks() {
            for (int lane = 0; lane < lanes; lane++) {
                if (left(claims.get(lane * SPACING)) > 0) {
                    return true;
                }
            }
            return false;
        }

        private static int next(long claim) {
            return (int) claim;
        }

        private static int left(long claim) {
            return (int) (claim >>> Integer.SIZE) - next(claim);
        }

        /** Runs tasks until none is left to begin, those of the slot's lane first. */
        void help(int slot) {
            int count = lanes;
            if (count == 0) {
                return;
            }
            int threads = Math.ceilDiv(slots, count);
            int lane = slot * count / slots;
            for (int i = 0; i < count; i++) {
                int at = lane * SPACING;
                for (long claim = claims.get(at); left(claim) > 0; claim = claims.get(at)) {
                    int taken = taken(left(claim), threads, most);
                    if (claims.compareAndSet(at, claim, claim + taken)) {
                        run(next(claim), next(claim) + taken, slot);
                    }
                }
                lane = lane + 1 == count ? 0 : lane + 1;
            }
        }

        private void run(int from, int to, int slot) {
            Thread waiting = caller;
            int all = tasks;
            try {
                if (failure.get() == null) {
                    run.run(from, to, slot);
                }
            } catch (Throwable e) { // an Error too: the caller must hear of it, and must not wait for ever
                failure.compareAndSet(null, e);
            } finally {
                if (done.addAndGet(to - from) == all) {
                    LockSupport.unpark(waiting);
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
            run = null;
            caller = null;
            reserved.set(false);
        }
    }
}
