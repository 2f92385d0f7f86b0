package dev.sparsed.attention;

import java.util.Arrays;

/**
 * The kept key blocks of one layer, per query head and query block, one bit each: a canvas of 65,536 tokens with 32 heads and blocks of 128
 * takes 1 MiB. Immutable.
 */
public final class BlockPattern {

    private final BlockLayout layout;
    private final int heads;
    private final int wordsPerRow;
    private final long[] bits;

    private BlockPattern(BlockLayout layout, int heads, int wordsPerRow, long[] bits) {
        this.layout = layout;
        this.heads = heads;
        this.wordsPerRow = wordsPerRow;
        this.bits = bits;
    }

    /**
     * The pattern that keeps everything: block-sparse attention with it is dense attention.
     *
     * @param layout the canvas and its blocks
     * @param heads number of query heads
     * @return the pattern
     */
    public static BlockPattern full(BlockLayout layout, int heads) {
        Builder builder = new Builder(layout, heads);
        for (int head = 0; head < heads; head++) {
            for (int queryBlock = 0; queryBlock < layout.blocks(); queryBlock++) {
                for (int keyBlock = 0; keyBlock < layout.blocks(); keyBlock++) {
                    builder.keep(head, queryBlock, keyBlock);
                }
            }
        }
        return builder.build();
    }

    /**
     * The pattern with the given bits, as {@link #words} returns them.
     *
     * @param layout the canvas and its blocks
     * @param heads number of query heads, ≥ 1
     * @param words the bits; copied
     * @return the pattern
     * @throws IllegalArgumentException if there are more or fewer words, or a bit is set for a block that does not exist
     * @throws IllegalStateException if a query block keeps nothing
     */
    public static BlockPattern of(BlockLayout layout, int heads, long[] words) {
        Builder builder = new Builder(layout, heads);
        if (words.length != builder.bits.length) {
            throw new IllegalArgumentException(words.length + " words, " + heads + " heads with " + layout.blocks()
                    + " blocks need " + builder.bits.length);
        }
        int used = layout.blocks() % Long.SIZE;
        for (int i = builder.wordsPerRow - 1; used != 0 && i < words.length; i += builder.wordsPerRow) {
            if (words[i] >>> used != 0) {
                throw new IllegalArgumentException(
                        "word " + i + " keeps a block beyond the last of " + layout.blocks());
            }
        }
        System.arraycopy(words, 0, builder.bits, 0, words.length);
        return builder.build();
    }

    /**
     * {@return the bits, a copy: {@code [heads, blocks, ⌈blocks/64⌉]} words; bit {@code j % 64} of word {@code j / 64} tells whether the
     * query block keeps key block j}
     */
    public long[] words() {
        return bits.clone();
    }

    /** {@return the canvas and its blocks} */
    public BlockLayout layout() {
        return layout;
    }

    /** {@return the number of query heads} */
    public int heads() {
        return heads;
    }

    /**
     * {@return whether a key block is kept}
     *
     * @param head query head
     * @param queryBlock query block
     * @param keyBlock key block
     */
    public boolean isKept(int head, int queryBlock, int keyBlock) {
        return (bits[row(head, queryBlock) + (keyBlock >> 6)] >>> keyBlock & 1) != 0;
    }

    /**
     * Lists the kept key blocks of a query block, ascending.
     *
     * @param head query head
     * @param queryBlock query block
     * @param destination receives the blocks; at least {@code layout().blocks()} long
     * @return how many there are
     */
    public int keptBlocks(int head, int queryBlock, int[] destination) {
        int row = row(head, queryBlock);
        int count = 0;
        for (int word = 0; word < wordsPerRow; word++) {
            for (long rest = bits[row + word]; rest != 0; rest &= rest - 1) {
                destination[count++] = (word << 6) + Long.numberOfTrailingZeros(rest);
            }
        }
        return count;
    }

    /**
     * {@return how many key blocks a query block keeps}
     *
     * @param head query head
     * @param queryBlock query block
     */
    public int keptCount(int head, int queryBlock) {
        int row = row(head, queryBlock);
        int count = 0;
        for (int word = 0; word < wordsPerRow; word++) {
            count += Long.bitCount(bits[row + word]);
        }
        return count;
    }

    /** {@return the share of kept blocks among all (head, query block, key block), 0 … 1} */
    public double density() {
        long kept = 0;
        for (long word : bits) {
            kept += Long.bitCount(word);
        }
        return (double) kept / ((double) heads * layout.blocks() * layout.blocks());
    }

    private int row(int head, int queryBlock) {
        return (head * layout.blocks() + queryBlock) * wordsPerRow;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof BlockPattern that
                && layout.equals(that.layout)
                && heads == that.heads
                && Arrays.equals(bits, that.bits);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(bits);
    }

    @Override
    public String toString() {
        return "BlockPattern[" + layout + ", heads=" + heads + ", density=" + density() + "]";
    }

    /** Collects kept blocks. Different (head, query block) pairs may be filled by different threads: they share no word. */
    public static final class Builder {

        private final BlockLayout layout;
        private final int heads;
        private final int wordsPerRow;
        private final long[] bits;

        /**
         * Starts an empty pattern.
         *
         * @param layout the canvas and its blocks
         * @param heads number of query heads, ≥ 1
         */
        public Builder(BlockLayout layout, int heads) {
            this.layout = layout;
            this.heads = heads;
            this.wordsPerRow = Math.ceilDiv(layout.blocks(), Long.SIZE);
            this.bits = new long[Math.multiplyExact(Math.multiplyExact(heads, layout.blocks()), wordsPerRow)];
        }

        /**
         * Keeps a key block.
         *
         * @param head query head
         * @param queryBlock query block
         * @param keyBlock key block
         */
        public void keep(int head, int queryBlock, int keyBlock) {
            bits[(head * layout.blocks() + queryBlock) * wordsPerRow + (keyBlock >> 6)] |= 1L << keyBlock;
        }

        /**
         * Finishes the pattern; the builder must not be used afterwards.
         *
         * @return the pattern
         * @throws IllegalStateException if a query block keeps nothing: its softmax would be empty
         */
        public BlockPattern build() {
            BlockPattern pattern = new BlockPattern(layout, heads, wordsPerRow, bits);
            for (int head = 0; head < heads; head++) {
                for (int queryBlock = 0; queryBlock < layout.blocks(); queryBlock++) {
                    if (pattern.keptCount(head, queryBlock) == 0) {
                        throw new IllegalStateException(
                                "head " + head + ", query block " + queryBlock + " keeps no key block");
                    }
                }
            }
            return pattern;
        }
    }
}
