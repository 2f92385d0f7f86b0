package dev.sparsed.cuda.internal.kernel;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.cuda.internal.driver.CudaStream;
import dev.sparsed.cuda.internal.kernel.AttentionKernels.KeptLists;

/**
 * pattern_lists.cu: bits of a pattern to lists of kept blocks. Patterns are kept as bits, 1 MiB per layer at 65,536 tokens with 32 heads and
 * blocks of 128; the lists, 16 times that, are made anew for every layer.
 */
public final class PatternLists implements AutoCloseable {

    private static final int THREADS = 32;

    private final Launch launch;

    /**
     * For one stream.
     *
     * @param modules the device's kernels
     * @param stream where to run
     */
    public PatternLists(KernelModules modules, CudaStream stream) {
        launch = new Launch(modules, "pattern_lists", "pattern_lists", stream);
    }

    /**
     * {@return the bytes that the lists of a layer take}
     *
     * @param layout the canvas and its blocks
     * @param heads number of query heads
     */
    public static long bytes(BlockLayout layout, int heads) {
        return countsOffset(layout, heads) + (long) heads * layout.blocks() * Integer.BYTES;
    }

    private static long countsOffset(BlockLayout layout, int heads) {
        long kept = (long) heads * layout.blocks() * layout.blocks() * Short.BYTES;
        return Math.ceilDiv(kept, 256L) * 256;
    }

    /**
     * Makes the lists.
     *
     * @param words device address of the pattern's bits
     * @param layout the canvas and its blocks
     * @param heads number of query heads
     * @param lists device address of {@link #bytes} bytes
     * @return the lists, in that memory
     */
    public KeptLists run(long words, BlockLayout layout, int heads, long lists) {
        int blocks = layout.blocks();
        KeptLists result =
                new KeptLists(lists, lists + countsOffset(layout, heads), layout.canvasLength(), layout.blockSize());
        launch.arguments()
                .addPointer(words)
                .addPointer(result.kept())
                .addPointer(result.counts())
                .addInt(blocks)
                .addInt(2 * Math.ceilDiv(blocks, Long.SIZE));
        launch.run(blocks, heads, 1, THREADS, 0);
        return result;
    }

    @Override
    public void close() {
        launch.close();
    }
}
