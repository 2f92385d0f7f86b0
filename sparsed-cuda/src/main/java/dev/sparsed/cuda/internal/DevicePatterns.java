package dev.sparsed.cuda.internal;

import dev.sparsed.attention.BlockPattern;
import dev.sparsed.cuda.internal.driver.CudaStream;
import dev.sparsed.cuda.internal.driver.DeviceBuffer;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.lang.ref.WeakReference;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The bits of block patterns on the device, by the identity of the pattern. A pattern that nobody holds any more, since a layer has
 * selected again, gives its memory back when the next one comes.
 */
final class DevicePatterns implements AutoCloseable {

    private final CudaStream stream;
    private final Map<Key, DeviceBuffer> buffers = new HashMap<>();
    private final ReferenceQueue<BlockPattern> dropped = new ReferenceQueue<>();

    /** Equal to itself and, as long as there is a pattern, to every other key of it. */
    private static final class Key extends WeakReference<BlockPattern> {

        private final int hash;

        Key(BlockPattern pattern, @Nullable ReferenceQueue<BlockPattern> queue) {
            super(pattern, queue);
            hash = System.identityHashCode(pattern);
        }

        @Override
        public boolean equals(Object other) {
            BlockPattern pattern = get();
            return this == other || pattern != null && other instanceof Key key && key.refersTo(pattern);
        }

        @Override
        public int hashCode() {
            return hash;
        }
    }

    /**
     * Holds nothing yet.
     *
     * @param stream whose work uses the patterns
     */
    DevicePatterns(CudaStream stream) {
        this.stream = stream;
    }

    /**
     * {@return memory for a pattern's bits; the caller closes it or {@linkplain #keep keeps} it}
     *
     * @param words number of 64-bit words
     */
    DeviceBuffer allocate(int words) {
        for (Reference<? extends BlockPattern> key = dropped.poll(); key != null; key = dropped.poll()) {
            buffers.remove(key).close();
        }
        return stream.device().memory().borrow((long) words * Long.BYTES, "a block pattern", stream);
    }

    /**
     * Takes over a pattern's bits.
     *
     * @param pattern the pattern
     * @param bits its words
     */
    void keep(BlockPattern pattern, DeviceBuffer bits) {
        buffers.put(new Key(pattern, dropped), bits);
    }

    /**
     * {@return the device address of a pattern's words; uploads those of a pattern that was made elsewhere}
     *
     * @param pattern the pattern
     */
    long address(BlockPattern pattern) {
        DeviceBuffer bits = buffers.get(new Key(pattern, null));
        if (bits == null) {
            long[] words = pattern.words();
            bits = allocate(words.length);
            keep(pattern, bits);
            stream.upload(MemorySegment.ofArray(words), bits.address());
        }
        return bits.address();
    }

    @Override
    public void close() {
        Closing.all(List.copyOf(buffers.values()));
        buffers.clear();
    }
}
