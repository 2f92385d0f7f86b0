package dev.sparsed.internal.amx;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.attention.SelectionRule;
import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.spi.HeadLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * Some tiles of queries of one head, which a thread takes through their keys together, and the thread's memory. A call of the kernel holds
 * the garbage collector up, so it takes about a millisecond at most, and what tiles have summed until the next call stays outside the heap.
 */
final class TileBatch {

    /** log₂e: e^s = 2^(s·log₂e). */
    private static final double LOG2_E = 1 / Math.log(2);

    /**
     * Bytes of keys and values that all tiles attend to before the next: half of the second-level cache. Dense attention takes 4 to 12 % less
     * time so where a head has more of them. Block-sparse attention took 4 to 7 % more: a tile uses too little of them.
     */
    static final long RANGE_BYTES = 1 << 20;

    /** Most work of a block-sparse call, in groups of keys × 32 queries × 32 features; eight dense tiles have as much with such a range. */
    static final int MOST_WORK = 8192;

    /** Most bytes of what tiles keep between calls. */
    private static final long SIDES_BYTES = 800 << 10;

    /** Most bytes of the sums by block that a selection reads: 65,536 tokens in blocks of 32 have 2 MiB for a tile. */
    private static final long BLOCK_SUMS_BYTES = 4 << 20;

    private final AttentionKernels kernels;
    private final long rangeBytes;
    private final int mostWork;

    private final QueryTiles call = new QueryTiles();
    private final KeyGroups lists = new KeyGroups();
    private final AmxSelection selection;
    private final MemorySegment shifts = Tiles.atLeast(MemorySegment.NULL, AttentionKernels.lanesBytes());
    private final MemorySegment sums = Tiles.atLeast(MemorySegment.NULL, AttentionKernels.lanesBytes());
    private MemorySegment scratch = MemorySegment.NULL;
    private int[] blocks = {};

    private final int[] from = new int[QueryTiles.MOST];
    private final int[] rows = new int[QueryTiles.MOST];
    private final int[] queryBlock = new int[QueryTiles.MOST];
    private int count;
    private int most = 1;

    private HeadLayout heads = new HeadLayout(1, 1, 2);
    private @Nullable HeadTiles packed;
    private int laterRow;
    private int laterColumn;

    /**
     * An empty batch.
     *
     * @param kernels what attends
     * @param rangeBytes in place of {@link #RANGE_BYTES}
     * @param mostWork in place of {@link #MOST_WORK}
     */
    TileBatch(AttentionKernels kernels, long rangeBytes, int mostWork) {
        this.kernels = kernels;
        this.rangeBytes = rangeBytes;
        this.mostWork = mostWork;
        selection = new AmxSelection(kernels);
    }

    /** {@return the factor on queries that makes the softmax one to base 2} */
    static float scale(int headDim) {
        return (float) (LOG2_E / Math.sqrt(headDim));
    }

    /**
     * Empties it, for an operation.
     *
     * @param q the queries
     * @param out receives the outputs
     * @param heads head layout
     * @param packed keys and values
     * @param rule what will be selected, if anything will
     * @param laterRow first row of a tile that the thread is likely to get after this batch
     * @param laterHead that tile's head
     */
    void begin(
            Matrix q,
            Matrix out,
            HeadLayout heads,
            HeadTiles packed,
            @Nullable SelectionRule rule,
            int laterRow,
            int laterHead) {
        this.heads = heads;
        this.packed = packed;
        call.begin(q, out, heads.headDim(), packed);
        this.laterRow = laterRow;
        laterColumn = laterHead * heads.headDim();
        long sideBytes = AttentionKernels.sideBytes(heads.headDim());
        scratch = Tiles.atLeast(scratch, QueryTiles.MOST * sideBytes);
        most = Math.clamp(SIDES_BYTES / sideBytes, 1, QueryTiles.MOST);
        if (rule != null) {
            long sumsBytes = AttentionKernels.sumsBytes(rule.layout().blocks());
            most = Math.clamp(BLOCK_SUMS_BYTES / sumsBytes, 1, most);
        }
        clear();
    }

    /** Forgets the tiles. */
    void clear() {
        count = 0;
        call.clear();
    }

    /** {@return whether no other tile can be added} */
    boolean isFull() {
        return count == most;
    }

    /**
     * Adds a tile.
     *
     * @param first first row
     * @param size rows
     * @param block its query block, which matters with a pattern alone
     */
    void add(int first, int size, int block) {
        from[count] = first;
        rows[count] = size;
        queryBlock[count++] = block;
    }

    /**
     * Dense attention.
     *
     * @param head query head
     * @param all all keys
     */
    void attendToAll(int head, KeyGroups all) {
        int range = range();
        int sides =
                range < all.count() ? most : 2; // two in turn, which fit the cache, if nothing is kept between calls
        attendInRanges(head, all, range, sides, null);
    }

    /**
     * Dense attention that selects key blocks. A query block of several tiles is complete only with the last of them, which another batch of
     * this thread may bring.
     *
     * @param head query head
     * @param all all keys, by block
     * @param rule what to keep
     * @param pattern receives the blocks
     */
    void attendAndSelect(int head, KeyGroups all, SelectionRule rule, BlockPattern.Builder pattern) {
        BlockLayout layout = rule.layout();
        attendInRanges(head, all, range(), most, selection.sums(layout, most));
        long sideBytes = AttentionKernels.sideBytes(heads.headDim());
        for (int i = 0; i < count; i++) {
            MemorySegment side = scratch.asSlice(i * sideBytes, sideBytes);
            int end = from[i] + rows[i];
            for (int row = from[i]; row < end; ) {
                int block = row / layout.blockSize();
                int to = Math.min(layout.end(block), end);
                if (row == layout.start(block)) {
                    selection.begin(layout);
                }
                selection.add(layout, i, side, heads.headDim(), row - from[i], to - from[i]);
                if (to == layout.end(block)) {
                    selection.keep(rule, head, block, pattern);
                }
                row = to;
            }
        }
    }

    private int range() {
        return Math.toIntExact(Math.max(1, rangeBytes / (2 * Tiles.groupBytes(heads.headDim()))));
    }

    private void attendInRanges(int head, KeyGroups all, int range, int sides, @Nullable MemorySegment blockSums) {
        int blocksPerTile = blockSums == null ? 0 : all.lastBlock() + 1;
        for (int begin = 0; begin < all.count(); begin += range) {
            int end = Math.min(begin + range, all.count());
            for (int i = 0; i < count; i++) {
                add(i, head, all, begin, end, begin == 0, end == all.count(), i % sides, i * blocksPerTile);
            }
            call(head, count, blockSums);
        }
    }

    /**
     * Block-sparse attention.
     *
     * @param head query head
     * @param pattern the keys that every query block keeps
     */
    void attendToKept(int head, BlockPattern pattern) {
        lists.clear(pattern.layout().canvasLength(), pattern.layout().blocks(), count);
        int work = 0;
        for (int i = 0; i < count; i++) {
            int first = list(pattern, head, queryBlock[i]);
            int last = lists.count();
            int perEntry = Math.ceilDiv(rows[i], Tiles.GROUP) * Tiles.depthTiles(heads.headDim());
            if (call.count() > 0 && work + (last - first) * perEntry > mostWork) {
                call(head, i, null);
                work = 0;
            }
            int range = Math.max(1, mostWork / perEntry);
            for (int begin = first; begin < last; begin += range) {
                int end = Math.min(begin + range, last);
                add(i, head, lists, begin, end, begin == first, end == last, i % 2, 0);
                work += (end - begin) * perEntry;
                if (end < last) { // a list that takes several calls
                    call(head, i, null);
                    work = 0;
                }
            }
        }
        call(head, count, null);
    }

    /** Adds the list of the keys that a query block keeps. {@return its first entry} */
    private int list(BlockPattern pattern, int head, int row) {
        BlockLayout layout = pattern.layout();
        blocks = blocks.length < layout.blocks() ? new int[layout.blocks()] : blocks;
        int begin = lists.begin();
        for (int i = pattern.keptBlocks(head, row, blocks) - 1; i >= 0; i--) {
            lists.add(layout.start(blocks[i]), layout.end(blocks[i]), 0);
        }
        return begin;
    }

    private void add(
            int index,
            int head,
            KeyGroups keys,
            int first,
            int end,
            boolean begins,
            boolean ends,
            int side,
            int firstBlock) {
        call.add(
                from[index],
                rows[index],
                head * heads.headDim(),
                packed.offset(head / heads.group()),
                keys,
                first,
                end,
                begins,
                ends,
                side,
                index,
                firstBlock);
    }

    /**
     * Calls the kernel.
     *
     * @param head query head
     * @param next the tile of the batch that comes next, or {@code count}
     * @param blockSums receives the sums by block, or null
     */
    private void call(int head, int next, @Nullable MemorySegment blockSums) {
        try {
            kernels.attend(
                    call,
                    scale(heads.headDim()),
                    next < count ? from[next] : laterRow,
                    next < count ? head * heads.headDim() : laterColumn,
                    shifts,
                    sums,
                    scratch,
                    blockSums);
        } finally {
            call.clear();
        }
    }

    /**
     * Writes ln Σ exp(score) of the tiles' rows.
     *
     * @param head query head
     * @param to {@code [rows, queryHeads]}
     */
    void logSumExp(int head, Matrix to) {
        for (int i = 0; i < count; i++) {
            for (int row = 0; row < rows[i]; row++) {
                long at = (long) i * Tiles.QUERIES + row;
                double shift = shifts.getAtIndex(ValueLayout.JAVA_FLOAT, at);
                double sum = sums.getAtIndex(ValueLayout.JAVA_FLOAT, at);
                to.data()[to.row(from[i] + row) + head] = (float) (shift / LOG2_E + Math.log(sum));
            }
        }
    }
}
