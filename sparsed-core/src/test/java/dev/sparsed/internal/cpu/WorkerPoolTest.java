package dev.sparsed.internal.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(30)
class WorkerPoolTest {

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4})
    void runsEveryTaskOnceWhateverTheirNumber(int threads) {
        try (WorkerPool pool = new WorkerPool(threads)) {
            assertThat(pool.slots()).isEqualTo(threads);
            for (int tasks : new int[] {0, 1, 2, 3, 7, 100, 10_000}) {
                AtomicIntegerArray runs = new AtomicIntegerArray(tasks);
                pool.forEach(tasks, (task, slot) -> runs.incrementAndGet(task));
                for (int task = 0; task < tasks; task++) {
                    assertThat(runs.get(task)).isEqualTo(1);
                }
            }
        }
    }

    /**
     * Many operations of a few tasks, with pauses that let the workers park now and then; plain writes must be visible
     * afterwards.
     */
    @Test
    void survivesManyShortOperations() throws InterruptedException {
        try (WorkerPool pool = new WorkerPool(3)) {
            int[] sums = new int[5];
            for (int round = 1; round <= 20_000; round++) {
                pool.forEach(sums.length, (task, slot) -> sums[task]++);
                assertThat(sums).containsOnly(round);
                if (round % 2_000 == 0) {
                    Thread.sleep(1);
                }
            }
        }
    }

    @Test
    void allThreadsWorkAtOnce() {
        try (WorkerPool pool = new WorkerPool(3)) {
            CountDownLatch everybody = new CountDownLatch(3);
            Set<Integer> slots = ConcurrentHashMap.newKeySet();
            pool.forEach(3, (task, slot) -> {
                slots.add(slot);
                everybody.countDown();
                await(everybody);
            });
            assertThat(slots).containsExactlyInAnyOrder(0, 1, 2);
        }
    }

    @Test
    void noSlotIsUsedTwiceAtATimeByOneOperation() {
        try (WorkerPool pool = new WorkerPool(4)) {
            List<CompletableFuture<Void>> callers = new ArrayList<>();
            for (int caller = 0; caller < 3; caller++) {
                callers.add(CompletableFuture.runAsync(() -> {
                    AtomicIntegerArray inUse = new AtomicIntegerArray(pool.slots());
                    for (int round = 0; round < 200; round++) {
                        pool.forEach(20, (task, slot) -> {
                            assertThat(inUse.incrementAndGet(slot)).isEqualTo(1);
                            Thread.onSpinWait();
                            inUse.decrementAndGet(slot);
                        });
                    }
                }));
            }
            callers.forEach(CompletableFuture::join);
        }
    }

    @Test
    void aCallerFinishesAloneWhileTheWorkersAreBusyElsewhere() throws InterruptedException {
        try (WorkerPool pool = new WorkerPool(2)) {
            CountDownLatch started = new CountDownLatch(2);
            CountDownLatch released = new CountDownLatch(1);
            Thread other = Thread.ofPlatform()
                    .start(() -> pool.forEach(2, (task, slot) -> {
                        started.countDown();
                        await(released);
                    }));
            await(started);
            AtomicInteger done = new AtomicInteger();
            pool.forEach(10, (task, slot) -> done.incrementAndGet());
            assertThat(done).hasValue(10);
            released.countDown();
            other.join();
        }
    }

    @Test
    void aTaskMayRunTasksOfItsOwn() {
        try (WorkerPool pool = new WorkerPool(3)) {
            AtomicInteger done = new AtomicInteger();
            pool.forEach(8, (outer, outerSlot) -> pool.forEach(8, (inner, innerSlot) -> done.incrementAndGet()));
            assertThat(done).hasValue(64);
        }
    }

    @Test
    void whatATaskThrowsReachesTheCallerAndThePoolLivesOn() {
        try (WorkerPool pool = new WorkerPool(3)) {
            for (int failing : new int[] {0, 5, 99}) {
                IllegalArgumentException failure = new IllegalArgumentException("task " + failing);
                assertThatThrownBy(() -> pool.forEach(100, (task, slot) -> {
                            if (task == failing) {
                                throw failure;
                            }
                        }))
                        .isSameAs(failure);
                StackOverflowError error = new StackOverflowError();
                assertThatThrownBy(() -> pool.forEach(2, (task, slot) -> {
                            throw error;
                        }))
                        .isSameAs(error);
            }
            AtomicInteger done = new AtomicInteger();
            pool.forEach(100, (task, slot) -> done.incrementAndGet());
            assertThat(done).hasValue(100);
        }
    }

    @Test
    void anUndeclaredCheckedExceptionIsWrapped() {
        try (WorkerPool pool = new WorkerPool(2)) {
            IOException failure = new IOException("hidden");
            assertThatThrownBy(() -> pool.forEach(2, (task, slot) -> WorkerPoolTest.<RuntimeException>hide(failure)))
                    .isInstanceOf(IllegalStateException.class)
                    .hasCause(failure);
        }
    }

    @SuppressWarnings("unchecked")
    private static <E extends Throwable> void hide(Throwable exception) throws E {
        throw (E) exception;
    }

    @Test
    void anInterruptIsKeptAndDoesNotStopTheOperation() {
        try (WorkerPool pool = new WorkerPool(2)) {
            AtomicInteger done = new AtomicInteger();
            Thread.currentThread().interrupt();
            pool.forEach(2, (task, slot) -> {
                long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(20);
                while (System.nanoTime() < end) {
                    Thread.onSpinWait();
                }
                done.incrementAndGet();
            });
            assertThat(done).hasValue(2);
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    @Test
    void closingStopsTheThreadsAndRefusesFurtherWork() {
        Set<Thread> threads = ConcurrentHashMap.newKeySet();
        WorkerPool pool = new WorkerPool(3);
        CountDownLatch everybody = new CountDownLatch(3);
        pool.forEach(3, (task, slot) -> {
            threads.add(Thread.currentThread());
            everybody.countDown();
            await(everybody);
        });
        pool.close();
        pool.close();
        threads.remove(Thread.currentThread());
        assertThat(threads).hasSize(2).noneMatch(Thread::isAlive);
        assertThatThrownBy(() -> pool.forEach(1, (task, slot) -> {})).hasMessageContaining("closed");
    }

    /** A worker whose interrupt flag stayed set could never park again. */
    @Test
    void aTaskThatInterruptsItsThreadLeavesNoSpinningWorker() throws InterruptedException {
        AtomicReference<Thread> worker = new AtomicReference<>();
        try (WorkerPool pool = new WorkerPool(2)) {
            CountDownLatch both = new CountDownLatch(2);
            pool.forEach(2, (task, slot) -> {
                both.countDown();
                await(both);
                if (slot == 1) {
                    worker.set(Thread.currentThread());
                    Thread.currentThread().interrupt();
                }
            });
            for (int i = 0; i < 1_000 && worker.get().getState() != Thread.State.WAITING; i++) {
                Thread.sleep(1);
            }
            assertThat(worker.get().getState()).isEqualTo(Thread.State.WAITING);
        }
    }

    /** Once operations have been under way, another one allocates nothing; also where tasks run tasks of their own. */
    @Test
    void anOperationAllocatesNothing() {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        Set<Thread> workers = ConcurrentHashMap.newKeySet();
        try (WorkerPool pool = new WorkerPool(2)) {
            CountDownLatch both = new CountDownLatch(2);
            pool.forEach(2, (task, slot) -> {
                workers.add(Thread.currentThread());
                both.countDown();
                await(both);
            });
            long[] ids = workers.stream().mapToLong(Thread::threadId).toArray();
            assertThat(ids).hasSize(2);
            int[] sums = new int[6];
            WorkerPool.Task inner = (task, slot) -> sums[task]++;
            WorkerPool.Task outer = (task, slot) -> {
                if (task == 0) {
                    pool.forEach(sums.length, inner);
                }
            };
            int calls = 20_000;
            long before = 0;
            for (int call = 0; call < 2 * calls; call++) {
                if (call == calls) {
                    before = Arrays.stream(threads.getThreadAllocatedBytes(ids)).sum();
                }
                pool.forEach(3, outer);
            }
            long allocated = Arrays.stream(threads.getThreadAllocatedBytes(ids)).sum() - before;
            assertThat(allocated).isLessThan(8L * calls); // an object has 16 bytes; asking takes some once
            assertThat(sums).containsOnly(2 * calls);
        }
    }

    @Test
    void needsAThread() {
        assertThatThrownBy(() -> new WorkerPool(0)).hasMessageContaining("threads = 0");
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(20, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
