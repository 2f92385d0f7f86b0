package dev.sparsed.internal.amx;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sparsed.internal.cpu.WorkerPool;
import java.util.Random;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HeadLanesTest {

    @ParameterizedTest
    @CsvSource({"1, 1, 1", "1, 7, 3", "2, 1, 5", "2, 3, 4", "3, 7, 2", "5, 3, 9", "16, 32, 1", "16, 2, 33"})
    void everyTaskIsTakenOnceWhoeverAsks(int slots, int heads, int each) {
        Random random = new Random(slots * 31 + heads);
        HeadLanes lanes = new HeadLanes(slots);
        lanes.cut(heads);
        for (int repeat = 0; repeat < 2; repeat++) {
            assertThat(lanes.beginHeads(each)).isEqualTo(heads * each);
            assertThat(IntStream.range(0, heads * each).map(i -> lanes.take(random.nextInt(slots))))
                    .containsExactlyInAnyOrderElementsOf(
                            IntStream.range(0, heads * each).boxed().toList());
            assertThatThrownBy(() -> lanes.take(0)).isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void aThreadTakesAllOfItsHeadsBeforeItHelps() {
        HeadLanes lanes = new HeadLanes(2);
        lanes.cut(5); // two and three
        assertThat(lanes.firstHead(1)).isEqualTo(2);
        assertThat(lanes.firstHead(2)).isEqualTo(5);
        lanes.beginHeads(2);
        assertThat(lanes.take(1)).isEqualTo(4);
        assertThat(IntStream.range(0, 6).map(i -> lanes.take(0))).containsExactly(0, 1, 2, 3, 5, 6);
        assertThat(lanes.take(1)).isEqualTo(7);
        assertThat(lanes.beginLanes(3)).isEqualTo(6);
        assertThat(lanes.take(1)).isEqualTo(3);
        assertThat(lanes.take(0)).isZero();
    }

    @Test
    void threadsDoNotTakeTheSame() {
        int heads = 6;
        int each = 500;
        AtomicIntegerArray taken = new AtomicIntegerArray(heads * each);
        HeadLanes lanes = new HeadLanes(5);
        lanes.cut(heads);
        try (WorkerPool pool = new WorkerPool(5)) {
            pool.forEach(lanes.beginHeads(each), (task, slot) -> taken.incrementAndGet(lanes.take(slot)));
        }
        assertThat(IntStream.range(0, heads * each).map(taken::get)).containsOnly(1);
    }
}
