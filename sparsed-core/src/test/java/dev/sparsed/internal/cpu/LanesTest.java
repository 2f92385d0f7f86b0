package dev.sparsed.internal.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(30)
class LanesTest {

    @ParameterizedTest
    @CsvSource({"1, 1, 1", "1, 7, 3", "2, 1, 5", "2, 3, 4", "3, 7, 2", "5, 3, 9", "6, 32, 1", "6, 2, 333"})
    void everyTaskRunsOnce(int threads, int items, int each) {
        try (WorkerPool pool = new WorkerPool(threads)) {
            Lanes lanes = new Lanes(pool);
            lanes.cut(items, Lanes.MOST);
            for (int repeat = 0; repeat < 2; repeat++) {
                AtomicIntegerArray runs = new AtomicIntegerArray(items * each);
                pool.forEach(lanes.withTasksPerItem(each), (task, slot) -> runs.incrementAndGet(task));
                assertThat(IntStream.range(0, items * each).map(runs::get)).containsOnly(1);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"1, 1, 1, 1", "1, 7, 3, 4", "2, 1, 5, 8", "2, 3, 40, 8", "3, 7, 2, 3", "6, 32, 10, 8", "6, 2, 333, 1000"
    })
    void everyTaskIsInOneRunOfALane(int threads, int items, int each, int most) {
        try (WorkerPool pool = new WorkerPool(threads)) {
            Lanes lanes = new Lanes(pool);
            lanes.cut(items, Lanes.MOST);
            for (int repeat = 0; repeat < 2; repeat++) {
                AtomicIntegerArray runs = new AtomicIntegerArray(items * each);
                pool.forEachRun(lanes.withTasksPerItem(each), most, (from, to, slot) -> {
                    assertThat(to - from).isBetween(1, most);
                    if (threads > 1) {
                        assertThat(lanes.laneOf(from / each)).isEqualTo(lanes.laneOf((to - 1) / each));
                    }
                    IntStream.range(from, to).forEach(runs::incrementAndGet);
                });
                assertThat(IntStream.range(0, items * each).map(runs::get)).containsOnly(1);
            }
        }
    }

    @Test
    void runsGetShorterTowardsTheEndOfALane() {
        assertThat(runs(20, 1, 4)).containsExactly(4, 4, 4, 4, 2, 1, 1);
        assertThat(runs(20, 2, 8)).containsExactly(5, 3, 3, 2, 1, 1, 1, 1, 1, 1, 1);
        assertThat(runs(3, 5, 8)).containsExactly(1, 1, 1);
    }

    private static List<Integer> runs(int left, int threads, int most) {
        List<Integer> lengths = new ArrayList<>();
        for (int length; left > 0; left -= length) {
            length = WorkerPool.taken(left, threads, most);
            lengths.add(length);
        }
        return lengths;
    }

    @Test
    void whatARunThrowsReachesTheCaller() {
        try (WorkerPool pool = new WorkerPool(3)) {
            Lanes lanes = new Lanes(pool);
            lanes.cut(3, Lanes.MOST);
            assertThatThrownBy(() -> pool.forEachRun(lanes.withTasksPerItem(9), 4, (from, to, slot) -> {
                        throw new IllegalArgumentException("from " + from);
                    }))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageStartingWith("from ");
            AtomicIntegerArray runs = new AtomicIntegerArray(27);
            pool.forEachRun(
                    lanes, 4, (from, to, slot) -> IntStream.range(from, to).forEach(runs::incrementAndGet));
            assertThat(IntStream.range(0, 27).map(runs::get)).containsOnly(1);
        }
    }

    @Test
    void aThreadTakesAllOfItsLaneBeforeItHelps() {
        List<Integer> first = new ArrayList<>();
        List<Integer> second = new ArrayList<>();
        CountDownLatch started = new CountDownLatch(2);
        CountDownLatch rest = new CountDownLatch(9);
        try (WorkerPool pool = new WorkerPool(2)) {
            Lanes lanes = new Lanes(pool);
            lanes.cut(5, Lanes.MOST); // two and three
            pool.forEach(lanes.withTasksPerItem(2), (task, slot) -> {
                (slot == 0 ? first : second).add(task);
                started.countDown();
                await(started);
                if (slot == 0) {
                    rest.countDown();
                } else {
                    await(rest);
                }
            });
        }
        assertThat(first).containsExactly(0, 1, 2, 3, 5, 6, 7, 8, 9);
        assertThat(second).containsExactly(4);
    }

    /** Workers that still look at an operation with other lanes, or none. */
    @Test
    void operationsWithAndWithoutLanesFollowEachOther() {
        try (WorkerPool pool = new WorkerPool(4)) {
            Lanes lanes = new Lanes(pool);
            int[] sums = new int[12];
            for (int round = 1; round <= 5_000; round++) {
                lanes.cut(1 + round % 4, Lanes.MOST);
                pool.forEach(lanes.withTasksPerLane(3), (task, slot) -> sums[task]++);
                pool.forEach(sums.length - lanes.tasks(), (task, slot) -> sums[lanes.tasks() + task]++);
                assertThat(sums).containsOnly(round);
            }
        }
    }

    @Test
    void knowsItemsAndTasks() {
        try (WorkerPool pool = new WorkerPool(6)) {
            Lanes lanes = new Lanes(pool);
            lanes.cut(10, Lanes.MOST);
            assertThat(IntStream.rangeClosed(0, 4).map(lanes::firstItem)).containsExactly(0, 2, 5, 7, 10);
            assertThat(lanes.withTasksPerItem(3).tasks()).isEqualTo(30);
            assertThat(lanes.likelyAfter(4, 5)).isEqualTo(6); // two threads share a lane
            assertThat(lanes.likelyAfter(4, 8)).isEqualTo(12);
            assertThat(lanes.likelyAfter(28, 30)).isEqualTo(29);
            assertThat(lanes.withTasksPerLane(7).tasks()).isEqualTo(28);
            lanes.cut(10, 1);
            assertThat(lanes.withTasksPerLane(7).tasks()).isEqualTo(7);
            lanes.cut(10, 9);
            assertThat(IntStream.range(0, 10).map(lanes::laneOf)).containsExactly(0, 0, 1, 1, 1, 2, 2, 3, 3, 3);
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(20, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
