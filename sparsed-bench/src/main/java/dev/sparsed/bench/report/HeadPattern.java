package dev.sparsed.bench.report;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.BlockPattern;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The kept key blocks of one query head of one layer. */
final class HeadPattern {

    private final int layer;
    private final int head;
    private final BlockLayout layout;
    private final long[] bits;

    private HeadPattern(int layer, int head, BlockLayout layout, long[] bits) {
        this.layer = layer;
        this.head = head;
        this.layout = layout;
        this.bits = bits;
    }

    /** {@return the patterns of all heads, layer by layer} */
    static List<HeadPattern> of(List<BlockPattern> layers) {
        List<HeadPattern> heads = new ArrayList<>();
        for (int layer = 0; layer < layers.size(); layer++) {
            BlockPattern pattern = layers.get(layer);
            long[] words = pattern.words();
            int perHead = words.length / pattern.heads();
            for (int head = 0; head < pattern.heads(); head++) {
                long[] bits = Arrays.copyOfRange(words, head * perHead, (head + 1) * perHead);
                heads.add(new HeadPattern(layer, head, pattern.layout(), bits));
            }
        }
        return heads;
    }

    int layer() {
        return layer;
    }

    int head() {
        return head;
    }

    /** {@return the share of kept blocks among all pairs of a query block and a key block, 0 … 1} */
    double density() {
        long kept = Arrays.stream(bits).map(Long::bitCount).sum();
        return (double) kept / ((double) layout.blocks() * layout.blocks());
    }

    /**
     * {@return |A ∩ B| / |A ∪ B| of the kept (query block, key block) pairs, the Jaccard index, 0 … 1}
     *
     * @param other a pattern of the same canvas and block size
     */
    double similarity(HeadPattern other) {
        if (!layout.equals(other.layout)) {
            throw new IllegalArgumentException(
                    "patterns of " + layout + " and " + other.layout + ": only those of the same blocks compare");
        }
        long common = 0;
        long all = 0;
        for (int i = 0; i < bits.length; i++) {
            common += Long.bitCount(bits[i] & other.bits[i]);
            all += Long.bitCount(bits[i] | other.bits[i]);
        }
        return (double) common / all; // never 0: every query block keeps something
    }

    /**
     * The pattern as a square picture, row by row: query blocks downwards, key blocks to the right.
     *
     * @param mostCells the most cells along a side; where there are more blocks, a cell stands for several
     * @return min(n, mostCells)² shares of kept blocks, 0 … 255
     */
    byte[] picture(int mostCells) {
        int blocks = layout.blocks();
        int cells = Math.min(blocks, mostCells);
        int wordsPerRow = bits.length / blocks;
        int[] kept = new int[cells * cells];
        int[] all = new int[cells * cells];
        for (int query = 0; query < blocks; query++) {
            int row = (int) ((long) query * cells / blocks) * cells;
            for (int key = 0; key < blocks; key++) {
                int cell = row + (int) ((long) key * cells / blocks);
                all[cell]++;
                kept[cell] += (int) (bits[query * wordsPerRow + (key >> 6)] >>> key & 1);
            }
        }
        byte[] shares = new byte[kept.length];
        for (int i = 0; i < shares.length; i++) {
            shares[i] = (byte) Math.round(255.0 * kept[i] / all[i]);
        }
        return shares;
    }
}
