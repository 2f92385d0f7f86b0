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
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Attention on tiles. Packs keys and values of some heads, then shares out head × query tile over the threads, in {@link Lanes} of heads.
 * Scratch memory lies outside the heap, grows on demand and is linear in the canvas. What a row gets does not depend on the tile it is in.
 */
final class AmxAttention implements CpuAttention {

    /** Bytes of keys, and as many of values, that are packed at once, as far as whole heads allow. */
    private static final long PACKED_BYTES = 32L << 20;

    /** Tasks per thread below which query tiles become smaller. */
    private static final int TASKS_PER_THREAD = 4;

    private final WorkerPool pool;
    private final Lanes lanes;
    private final HeadTiles packed;
    private final KeyGroups all = new KeyGroups();
    private final RowTiles tiles = new RowTiles();

    /** One for each thread. */
    private final TileBatch[] batches;

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

    AmxAttention(AttentionKernels kernels, WorkerPool pool) {
        this(kernels, pool, TileBatch.RANGE_BYTES, TileBatch.MOST_WORK);
    }

    /** With other limits of a call, which change no result. */
    AmxAttention(AttentionKernels kernels, WorkerPool pool, long rangeBytes, int mostWork) {
        this.pool = pool;
        lanes = new Lanes(pool);
        packed = new HeadTiles(kernels, lanes);
        batches = new TileBatch[pool.slots()];
        Arrays.setAll(batches, slot -> new TileBatch(kernels, rangeBytes, mostWork));
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

    private void run(int from, int to, int slot) {
        TileBatch batch = batches[slot];
        int later = lanes.likelyAfter(from, to);
        batch.begin(q, out, heads, packed, rule, tiles.from(firstTile(later)), head(later));
        for (int task = from; task < to; task++) {
            int first = firstTile(task);
            int end = Math.min(first + tilesPerTask, tiles.count());
            for (int tile = first; tile < end; tile++) {
                batch.add(tiles.from(tile), tiles.rows(tile), tiles.block(tile));
                boolean last = tile + 1 == end && (task + 1 == to || head(task + 1) != head(task));
                if (last || batch.isFull()) {
                    attend(batch, head(task));
                    batch.clear();
                }
            }
        }
    }

    private void attend(TileBatch batch, int head) {
        if (pattern != null) {
            batch.attendToKept(head, pattern);
        } else if (rule != null) {
            batch.attendAndSelect(head, all, rule, selected);
        } else {
            batch.attendToAll(head, all);
        }
        if (logSumExp != null) {
            batch.logSumExp(head, logSumExp);
        }
    }
}
