package dev.sparsed.cuda.internal.driver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sparsed.DeviceMemoryException;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DeviceMemoryTest {

    private static final long MIB = 1L << 20;

    private final Ledger ledger = new Ledger(100 * MIB);
    private final DeviceMemory memory = new DeviceMemory(ledger);
    private final Object stream = new Object();

    @ParameterizedTest
    @CsvSource({
        "1, 512",
        "512, 512",
        "513, 1024",
        "1024, 1024",
        "1025, 1536",
        "4096, 4096",
        "4097, 4608",
        "8192, 8192",
        "8193, 9216",
        "9216, 9216",
        "9217, 10240",
        "1048577, 1179648",
        "67108864, 67108864",
        "67108865, 69206016",
        "16106127361, 16108224512",
    })
    void roundsToSizeClasses(long bytes, long expected) {
        assertThat(DeviceMemory.sizeClass(bytes)).isEqualTo(expected);
    }

    @Test
    void wastesAtMostAnEighth() {
        Random random = new Random(1);
        for (int i = 0; i < 10_000; i++) {
            long bytes = 4096 + (random.nextLong() >>> (24 + random.nextInt(26)));
            long size = DeviceMemory.sizeClass(bytes);
            assertThat(size).isGreaterThanOrEqualTo(bytes).isLessThanOrEqualTo(bytes + bytes / 8 + 512);
            assertThat(DeviceMemory.sizeClass(size)).as("a class is its own").isEqualTo(size);
        }
    }

    @Test
    void reallyFreesWhatWasAllocated() {
        DeviceBuffer buffer = memory.allocate(1000, "weights");
        assertThat(ledger.live).containsValue(1000L);
        assertThat(memory.bytesInUse()).isEqualTo(1000);
        buffer.close();
        buffer.close();
        assertThat(ledger.live).isEmpty();
        assertThat(memory.bytesInUse()).isZero();
        assertThatThrownBy(buffer::address)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("weights");
    }

    @Test
    void lendsTheSameMemoryAgainToTheSameStream() {
        DeviceBuffer first = memory.borrow(1000, "scores", stream);
        long address = first.address();
        first.close();
        assertThat(memory.bytesInUse()).isZero();
        assertThat(memory.bytesIdle()).isEqualTo(1024);
        try (DeviceBuffer second = memory.borrow(1020, "scores", stream)) {
            assertThat(second.address()).isEqualTo(address);
            assertThat(second.bytes()).isEqualTo(1020);
            assertThat(memory.bytesIdle()).isZero();
            assertThatThrownBy(first::address).isInstanceOf(IllegalStateException.class);
            first.close(); // closed already: the memory is the second one's
            assertThat(second.address()).isEqualTo(address);
        }
    }

    @Test
    void doesNotLendWhatAnotherStreamMayStillUse() {
        DeviceBuffer first = memory.borrow(1000, "scores", stream);
        long address = first.address();
        first.close();
        Object other = new Object();
        try (DeviceBuffer second = memory.borrow(1000, "scores", other)) {
            assertThat(second.address()).isNotEqualTo(address);
        }
        memory.release(stream);
        try (DeviceBuffer own = memory.borrow(1000, "scores", other);
                DeviceBuffer released = memory.borrow(1000, "scores", other)) {
            assertThat(own.address()).isNotEqualTo(address);
            assertThat(released.address()).isEqualTo(address);
        }
    }

    @Test
    void givesBackIdleMemoryBeforeItLacksAny() {
        memory.borrow(90 * MIB, "logits", stream).close();
        try (DeviceBuffer buffer = memory.allocate(60 * MIB, "weights")) {
            assertThat(buffer.bytes()).isEqualTo(60 * MIB);
            assertThat(memory.bytesIdle()).isZero();
            assertThat(ledger.live).hasSize(1);
        }
    }

    @Test
    void saysWhatItLacks() {
        try (DeviceBuffer held = memory.allocate(40 * MIB, "weights")) {
            assertThatThrownBy(() -> memory.allocate(70 * MIB, "logits of 65536 rows"))
                    .isInstanceOfSatisfying(DeviceMemoryException.class, e -> {
                        assertThat(e.requestedBytes()).isEqualTo(70 * MIB);
                        assertThat(e.freeBytes()).isEqualTo(60 * MIB);
                        assertThat(e.totalBytes()).isEqualTo(100 * MIB);
                    })
                    .hasMessage(
                            "not enough device memory for logits of 65536 rows: asked for 70 MiB, free 60 MiB of 100 MiB; "
                                    + "use a shorter canvas, bf16 weights, fewer requests at a time, or close what else uses the device");
            assertThat(memory.bytesInUse()).isEqualTo(held.bytes());
            memory.allocate(60 * MIB, "logits of fewer rows").close();
        }
    }

    @Test
    void freesEverythingWhenClosed() {
        DeviceBuffer used = memory.allocate(1000, "weights");
        memory.borrow(1000, "scores", stream).close();
        memory.close();
        memory.close();
        assertThat(ledger.live).isEmpty();
        assertThat(memory.bytesInUse()).isZero();
        assertThatThrownBy(used::address).isInstanceOf(IllegalStateException.class);
        used.close();
        assertThatThrownBy(() -> memory.allocate(1, "more"))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("more");
    }

    @Test
    void refusesNothing() {
        assertThatThrownBy(() -> memory.allocate(0, "an empty canvas"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("an empty canvas");
        assertThatThrownBy(() -> memory.borrow(-1, "scores", stream)).isInstanceOf(IllegalArgumentException.class);
    }

    /** Any order of borrowing and closing leaves the books right. */
    @Test
    void accountsForEveryByte() {
        Random random = new Random(7);
        Object[] streams = {new Object(), new Object(), new Object()};
        Map<Integer, DeviceBuffer> open = new HashMap<>();
        for (int i = 0; i < 5000; i++) {
            int key = random.nextInt(40);
            DeviceBuffer old = open.remove(key);
            if (old != null) {
                old.close();
            } else {
                long bytes = 1 + random.nextInt(1 << 16);
                open.put(
                        key,
                        key % 4 == 3
                                ? memory.allocate(bytes, "weights")
                                : memory.borrow(bytes, "scores", streams[key % 3]));
            }
            if (random.nextInt(500) == 0) {
                memory.release(streams[random.nextInt(3)]);
            }
            long held = ledger.live.values().stream().mapToLong(Long::longValue).sum();
            assertThat(memory.bytesInUse() + memory.bytesIdle()).isEqualTo(held);
            assertThat(open.values().stream().map(DeviceBuffer::address)).doesNotHaveDuplicates();
            assertThat(ledger.live.keySet())
                    .containsAll(
                            open.values().stream().map(DeviceBuffer::address).toList());
        }
        open.values().forEach(DeviceBuffer::close);
        memory.trim();
        assertThat(ledger.live).isEmpty();
    }

    /** A device that counts: every address is given once. */
    private static final class Ledger implements DeviceMemory.Source {

        final Map<Long, Long> live = new HashMap<>();
        private final long total;
        private long next = 0x7f0000000000L;

        Ledger(long total) {
            this.total = total;
        }

        @Override
        public long allocate(long bytes) {
            if (bytes > freeBytes()) {
                return 0;
            }
            next += 1L << 40;
            live.put(next, bytes);
            return next;
        }

        @Override
        public void free(long address) {
            assertThat(live.remove(address)).as("freed once").isNotNull();
        }

        @Override
        public long freeBytes() {
            return total - live.values().stream().mapToLong(Long::longValue).sum();
        }

        @Override
        public long totalBytes() {
            return total;
        }
    }
}
