package dev.sparsed.internal.amx;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.attention.SelectionRule;
import dev.sparsed.internal.cpu.CpuAttention;
import dev.sparsed.internal.cpu.Lanes;
import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.RowTiles;
import dev.sparsed.internal.cpu.WorkerPool;
import dev.sparsed.spi.HeadLayout;
import dev.sparsed.spi.Positions;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Attention on tiles. Packs keys and values of some heads, then shares out head × query tile over the threads, in
 * {@link Lanes} of heads. Scratch memory lies outside the heap, grows on demand and is linear in the canvas. What a row gets does not depend on the tile it is in.
 */
final class AmxAttention implements CpuAttention {

    /** log₂e: e^s = 2^(s·log₂e). */
    static final double LOG2_E = 1 / Math.log(2);

    /** Bytes of keys, and as many of values, that are packed at once, as far as whole heads allow. */
    private static final long PACKED_BYTES = 32L << 20;

    /**
     * Bytes of keys and values that all tiles of a call attend to before the next: half of the second-level cache. Dense attention takes 4 to
     * 12 % less time so where a head has more of them.
     */
    private static final long RANGE_BYTES = 1 << 20;

    /** Bytes of what tiles keep between such ranges. */
    private static final long SIDES_BYTES = 800 << 10;

    /**
     * Most work of a call, in groups of keys × 32 queries × 32 features: about a millisecond, for which it holds the garbage collector up.
     */
    private static final int MOST_WORK = 8192;

    /** Tasks per thread below which query tiles become smaller. */
    private static final int TASKS_PER_THREAD = 4;

    private final AttentionKernels kernels;
    private final WorkerPool pool;
    private final long rangeBytes;
    private final int mostWork;
    private final Lanes lanes;
    private final HeadTiles packed;
    private final KeyGroups all = new KeyGroups();
    private final RowTiles tiles = new RowTiles();
    private final Slot[] slots;
    private final WorkerPool.Run run = this::run;

    private Matrix q = Matrix.zeros(0, 1);
    private Matrix out = q;
    private @Nullable Matrix logSumExp;
    private HeadLayout heads = new HeadLayout(1, 1, 2);
    private @Nullable BlockPattern pattern;
    private @Nullable SelectionRule rule;
    private BlockPattern.@Nullable Builder selected;
    private int firstHead;
    private int tilesPerTask;
    private int tasksPerHead;
    private int tilesPerCall;

    AmxAttention(AttentionKernels kernels, WorkerPool pool) {
        this(kernels, pool, RANGE_BYTES, MOST_WORK);
    }

    /** With other limits, which change no result. */
    AmxAttention(AttentionKernels kernels, WorkerPool pool, long rangeBytes, int mostWork) {
        this.kernels = kernels;
        this.pool = pool;
        this.rangeBytes = rangeBytes;
        this.mostWork = mostWork;
        lanes = new Lanes(pool);
        packed = new HeadTiles(kernels, lanes);
        slots = new Slot[pool.slots()];
        Arrays.setAll(slots, slot -> new Slot(kernels));
    }

    /** {@return the factor on queries that makes the softmax one to base 2} */
    static float scale(int headDim) {
        return (float) (LOG2_E / Math.sqrt(headDim));
    }

    @Override
    public void dense(Matrix q, Matrix k, Matrix v, HeadLayout heads, Matrix out, @Nullable Matrix logSumExp) {
        all.clear(k.rows(), 1, 1);
        all.add(0, k.rows(), 0);
        int rows = Tiles.QUERIES;
        int wanted = TASKS_PER_THREAD * pool.slots();
        while (rows > Tiles.GROUP && Math.ceilDiv(q.rows(), rows) * heads.queryHeads() < wanted) {
            rows /= 2;
        }
        tiles.cut(q.rows(), rows, rows);
        begin(null, null, null, 1);
        forEachTile(q, k, v, heads, out, logSumExp);
    }

    @Override
    public void blockSparse(
            Matrix q,
            Positions rows,
            Matrix k,
            Matrix v,
            HeadLayout heads,
            BlockPattern pattern,
            Matrix out,
            @Nullable Matrix logSumExp) {
        tiles.cut(rows, pattern.layout().blockSize(), Tiles.QUERIES);
        begin(pattern, null, null, 1);
        forEachTile(q, k, v, heads, out, logSumExp);
    }

    @Override
    public BlockPattern denseAndSelect(
            Matrix q, Matrix k, Matrix v, HeadLayout heads, Matrix out, Matrix logSumExp, SelectionRule rule) {
        BlockLayout layout = rule.layout();
        all.clear(k.rows(), layout.blocks(), 1);
        for (int block = layout.blocks() - 1; block >= 0; block--) {
            all.add(layout.start(block), layout.end(block), block);
        }
        // A task is whole query blocks, whatever the number of threads: which lanes a block lies in decides the order
        // of its sums.
        int blockSize = layout.blockSize();
        tiles.cut(q.rows(), Math.max(1, Tiles.QUERIES / blockSize) * blockSize, Tiles.QUERIES);
        BlockPattern.Builder builder = new BlockPattern.Builder(layout, heads.queryHeads());
        begin(null, rule, builder, Math.ceilDiv(blockSize, Tiles.QUERIES));
        forEachTile(q, k, v, heads, out, logSumExp);
        return builder.build();
    }

    /** What the operation is: block-sparse if there is a pattern, selecting if there is a rule, else dense. */
    private void begin(
            @Nullable BlockPattern pattern,
            @Nullable SelectionRule rule,
            BlockPattern.@Nullable Builder selected,
            int tilesPerTask) {
        this.pattern = pattern;
        this.rule = rule;
        this.selected = selected;
        this.tilesPerTask = tilesPerTask;
    }

    /** Packs some heads after the other, and attends with their query tiles. */
    private void forEachTile(Matrix q, Matrix k, Matrix v, HeadLayout heads, Matrix out, @Nullable Matrix logSumExp) {
        this.q = q;
        this.heads = heads;
        this.out = out;
        this.logSumExp = logSumExp;
        tasksPerHead = Math.ceilDiv(tiles.count(), tilesPerTask);
        tilesPerCall = Math.clamp(SIDES_BYTES / AttentionKernels.sideBytes(heads.headDim()), 1, QueryTiles.MOST);
        long headBytes = Math.max(1, HeadTiles.headBytes(k.rows(), heads.headDim()));
        int batch = Math.clamp(PACKED_BYTES / headBytes, 1, heads.keyValueHeads());
        for (int first = 0; first < heads.keyValueHeads(); first += batch) {
            int count = Math.min(batch, heads.keyValueHeads() - first);
            firstHead = first * heads.group();
            packed.pack(k, v, heads, first, count, pool);
            pool.forEachRun(lanes.withTasksPerItem(heads.group() * tasksPerHead), QueryTiles.MOST, run);
        }
    }

    private int head(int task) {
        return firstHead + task / tasksPerHead;
    }

    /**
     * {@return the first tile of a task} Lanes begin at different rows: threads that write the same rows of neighbouring heads at the same time
     * take the cache lines on the border from each other, and writing then takes four times as long.
     */
    private int firstTile(int task) {
        int lane = lanes.laneOf(task / tasksPerHead / heads.group());
        return (task + lane * tasksPerHead / lanes.count()) % tasksPerHead * tilesPerTask;
    }

    private void run(int from, int to, int index) {
        Slot slot = slots[index];
        int later = lanes.likelyAfter(to - 1);
        slot.begin(heads.headDim(), tiles.from(firstTile(later)), head(later) * heads.headDim());
        for (int task = from; task < to; task++) {
            int tile = firstTile(task);
            int end = Math.min(tile + tilesPerTask, tiles.count());
            for (; tile < end; tile++) {
                slot.tiles[slot.count++] = tile;
                boolean last = tile + 1 == end && (task + 1 == to || head(task + 1) != head(task));
                if (last || slot.count == tilesPerCall) {
                    attend(slot, head(task));
                    slot.count = 0;
                }
            }
        }
    }

    /** With the slot's tiles, all of one head. */
    private void attend(Slot slot, int head) {
        if (pattern == null) {
            attendToAll(slot, head);
        } else {
            attendToKept(slot, head, pattern);
        }
        for (int i = 0; logSumExp != null && i < slot.count; i++) {
            for (int row = 0; row < tiles.rows(slot.tiles[i]); row++) {
                long at = (long) i * Tiles.QUERIES + row;
                double shift = slot.shifts.getAtIndex(ValueLayout.JAVA_FLOAT, at);
                double sum = slot.sums.getAtIndex(ValueLayout.JAVA_FLOAT, at);
                logSumExp.data()[logSumExp.row(tiles.from(slot.tiles[i]) + row) + head] =
                        (float) (shift / LOG2_E + Math.log(sum));
            }
        }
    }

    private void attendToAll(Slot slot, int head) {
        int range = Math.toIntExact(Math.max(1, rangeBytes / (2 * Tiles.groupBytes(heads.headDim()))));
        int blocks = all.lastBlock() + 1;
        MemorySegment blockSums = rule == null ? null : slot.selection.sums(rule.layout());
        boolean atOnce = range >= all.count() && rule == null; // nothing is kept between calls: two sides in turn
        int sides = atOnce ? 2 : QueryTiles.MOST;
        for (int from = 0; from < all.count(); from += range) {
            int to = Math.min(from + range, all.count());
            slot.call.clear();
            for (int i = 0; i < slot.count; i++) {
                int side = i % sides;
                add(slot, i, head, all, from, to, from == 0, to == all.count(), side, rule == null ? 0 : i * blocks);
            }
            call(slot, all, blockSums);
        }
        if (rule != null) {
            select(slot, head);
        }
    }

    private void attendToKept(Slot slot, int head, BlockPattern pattern) {
        BlockLayout layout = pattern.layout();
        slot.lists.clear(layout.canvasLength(), layout.blocks(), slot.count);
        slot.call.clear();
        int work = 0;
        for (int i = 0; i < slot.count; i++) {
            int from = slot.addKept(pattern, head, tiles.block(slot.tiles[i]));
            int to = slot.lists.count();
            int perEntry = Math.ceilDiv(tiles.rows(slot.tiles[i]), Tiles.GROUP) * Tiles.depthTiles(heads.headDim());
            int range = Math.max(1, mostWork / perEntry);
            if (slot.call.count() > 0 && work + (to - from) * perEntry > mostWork) {
                call(slot, slot.lists, null);
                work = 0;
            }
            for (int begin = from; begin < to; begin += range) { // a long list takes calls of its own
                int end = Math.min(begin + range, to);
                add(slot, i, head, slot.lists, begin, end, begin == from, end == to, i % 2, 0);
                if (end < to) {
                    call(slot, slot.lists, null);
                }
                work = (end - begin) * perEntry + (begin == from ? work : 0);
            }
        }
        call(slot, slot.lists, null);
    }

    private void add(
            Slot slot,
            int index,
            int head,
            KeyGroups keys,
            int from,
            int to,
            boolean begins,
            boolean ends,
            int side,
            int firstBlock) {
        int tile = slot.tiles[index];
        slot.call.add(
                q,
                out,
                tiles.from(tile),
                tiles.rows(tile),
                head * heads.headDim(),
                heads.headDim(),
                packed.offset(head / heads.group()),
                packed.keys(),
                keys,
                from,
                to,
                begins,
                ends,
                side,
                index,
                firstBlock);
    }

    private void call(Slot slot, KeyGroups lists, @Nullable MemorySegment blockSums) {
        kernels.attend(
                q,
                heads.headDim(),
                scale(heads.headDim()),
                packed.keys(),
                packed.values(),
                lists,
                slot.call,
                slot.laterRow,
                slot.laterColumn,
                out,
                slot.shifts,
                slot.sums,
                slot.scratch,
                blockSums);
        slot.call.clear();
    }

    /** Goes through the query blocks of the slot's tiles. A block of several tiles is complete only with the last. */
    private void select(Slot slot, int head) {
        BlockLayout layout = rule.layout();
        AmxSelection selection = slot.selection;
        long bytes = AttentionKernels.sideBytes(heads.headDim());
        for (int i = 0; i < slot.count; i++) {
            int from = tiles.from(slot.tiles[i]);
            int end = from + tiles.rows(slot.tiles[i]);
            for (int row = from; row < end; ) {
                int block = row / layout.blockSize();
                int to = Math.min(layout.end(block), end);
                if (row == layout.start(block)) {
                    selection.begin(layout);
                }
                selection.add(
                        layout, i, slot.scratch.asSlice(i * bytes, bytes), heads.headDim(), row - from, to - from);
                if (to == layout.end(block)) {
                    selection.keep(rule, head, block, selected);
                }
                row = to;
            }
        }
    }

    /** The memory of one thread. */
    private static final class Slot {

        final MemorySegment shifts = Tiles.atLeast(MemorySegment.NULL, AttentionKernels.lanesBytes());
        final MemorySegment sums = Tiles.atLeast(MemorySegment.NULL, AttentionKernels.lanesBytes());
        final QueryTiles call = new QueryTiles();
        final KeyGroups lists = new KeyGroups();
        final AmxSelection selection;
        final int[] tiles = new int[QueryTiles.MOST];
        int count;
        MemorySegment scratch = MemorySegment.NULL;
        int laterRow;
        int laterColumn;
        private int[] blocks = {};

        Slot(AttentionKernels kernels) {
            selection = new AmxSelection(kernels);
        }

        void begin(int headDim, int laterRow, int laterColumn) {
            scratch = Tiles.atLeast(scratch, QueryTiles.MOST * AttentionKernels.sideBytes(headDim));
            this.laterRow = laterRow;
            this.laterColumn = laterColumn;
            count = 0;
        }

        /** Adds the list of the keys that a query block keeps. {@return its first entry} */
        int addKept(BlockPattern pattern, int head, int queryBlock) {
            BlockLayout layout = pattern.layout();
            blocks = blocks.length < layout.blocks() ? new int[layout.blocks()] : blocks;
            int begin = lists.begin();
            int kept = pattern.keptBlocks(head, queryBlock, blocks);
            for (int i = kept - 1; i >= 0; i--) {
                lists.add(layout.start(blocks[i]), layout.end(blocks[i]), 0);
            }
            return begin;
        }
    }
}
