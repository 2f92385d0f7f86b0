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
import java.util.function.IntUnaryOperator;
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

    /** Tasks per thread below which query tiles become smaller. */
    private static final int TASKS_PER_THREAD = 4;

    private final AttentionKernels kernels;
    private final WorkerPool pool;
    private final Lanes lanes;
    private final HeadTiles packed;
    private final KeyGroups all = new KeyGroups();
    private final RowTiles tiles = new RowTiles();
    private final Slot[] slots;
    private final WorkerPool.Task denseTile = this::denseTile;
    private final WorkerPool.Task sparseTile = this::sparseTile;
    private final WorkerPool.Task selectingTile = this::selectingTile;
    private final IntUnaryOperator sparseRow = tiles::from;
    private final IntUnaryOperator denseRow = this::denseRow;
    private final IntUnaryOperator selectingRow = this::selectingRow;

    private Matrix q = Matrix.zeros(0, 1);
    private Matrix out = q;
    private @Nullable Matrix logSumExp;
    private HeadLayout heads = new HeadLayout(1, 1, 2);
    private @Nullable BlockPattern pattern;
    private @Nullable SelectionRule rule;
    private BlockPattern.@Nullable Builder selected;

    /** Of a tile of the operation under way. */
    private IntUnaryOperator firstRow = denseRow;

    private int firstHead;
    private int tilesPerHead;
    private int rowsPerTile;
    private int blocksPerTile;

    AmxAttention(AttentionKernels kernels, WorkerPool pool) {
        this.kernels = kernels;
        this.pool = pool;
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
        all.clear(k.rows(), 1);
        all.add(0, k.rows(), 0);
        rowsPerTile = Tiles.QUERIES;
        int wanted = TASKS_PER_THREAD * pool.slots();
        while (rowsPerTile > Tiles.GROUP && Math.ceilDiv(q.rows(), rowsPerTile) * heads.queryHeads() < wanted) {
            rowsPerTile /= 2;
        }
        operands(q, heads, out, logSumExp, denseRow);
        forEachTile(k, v, Math.ceilDiv(q.rows(), rowsPerTile), denseTile);
    }

    private int denseRow(int tile) {
        return tile * rowsPerTile;
    }

    private void denseTile(int task, int slot) {
        int from = denseRow(task % tilesPerHead);
        attend(slots[slot], task, from, Math.min(rowsPerTile, q.rows() - from), all, null);
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
        operands(q, heads, out, logSumExp, sparseRow);
        this.pattern = pattern;
        forEachTile(k, v, tiles.count(), sparseTile);
        this.pattern = null;
    }

    private void sparseTile(int task, int slot) {
        int tile = task % tilesPerHead;
        KeyGroups kept = slots[slot].kept(pattern, head(task), tiles.block(tile));
        attend(slots[slot], task, tiles.from(tile), tiles.rows(tile), kept, null);
    }

    private int head(int task) {
        return firstHead + task / tilesPerHead;
    }

    /** {@return the scratch memory of the tile, which {@link AmxSelection} reads} */
    private MemorySegment attend(
            Slot slot, int task, int from, int rows, KeyGroups keys, @Nullable MemorySegment sums) {
        int head = head(task);
        int headDim = heads.headDim();
        int keyHead = head / heads.group();
        MemorySegment scratch = slot.scratch(headDim);
        int later = lanes.likelyAfter(task);
        kernels.begin(
                q,
                from,
                rows,
                head * headDim,
                headDim,
                scale(headDim),
                scratch,
                out,
                firstRow.applyAsInt(later % tilesPerHead),
                head(later) * headDim);
        kernels.attend(packed.keys(keyHead), packed.values(keyHead), keys, rows, headDim, scratch, sums);
        kernels.end(scratch, rows, headDim, out, from, head * headDim, slot.shifts, slot.sums);
        if (logSumExp != null) {
            for (int row = 0; row < rows; row++) {
                double shift = slot.shifts.getAtIndex(ValueLayout.JAVA_FLOAT, row);
                double sum = slot.sums.getAtIndex(ValueLayout.JAVA_FLOAT, row);
                logSumExp.data()[logSumExp.row(from + row) + head] = (float) (shift / LOG2_E + Math.log(sum));
            }
        }
        return scratch;
    }

    @Override
    public BlockPattern denseAndSelect(
            Matrix q, Matrix k, Matrix v, HeadLayout heads, Matrix out, Matrix logSumExp, SelectionRule rule) {
        BlockLayout layout = rule.layout();
        all.clear(k.rows(), layout.blocks());
        for (int block = layout.blocks() - 1; block >= 0; block--) {
            all.add(layout.start(block), layout.end(block), block);
        }
        // Whole query blocks, whatever the number of threads: which lanes a block lies in decides the order of its
        // sums.
        blocksPerTile = Math.max(1, Tiles.QUERIES / layout.blockSize());
        BlockPattern.Builder builder = new BlockPattern.Builder(layout, heads.queryHeads());
        operands(q, heads, out, logSumExp, selectingRow);
        this.rule = rule;
        selected = builder;
        forEachTile(k, v, Math.ceilDiv(layout.blocks(), blocksPerTile), selectingTile);
        this.rule = null;
        selected = null;
        return builder.build();
    }

    private int selectingRow(int tile) {
        return rule.layout().start(tile * blocksPerTile);
    }

    private void selectingTile(int task, int slot) {
        BlockLayout layout = rule.layout();
        AmxSelection selection = slots[slot].selection;
        MemorySegment sums = selection.sums(layout);
        int block = task % tilesPerHead * blocksPerTile;
        int end = layout.end(Math.min(block + blocksPerTile, layout.blocks()) - 1);
        int rows;
        selection.begin(layout);
        for (int from = layout.start(block); from < end; from += rows) {
            rows = Math.min(Tiles.QUERIES, end - from);
            MemorySegment scratch = attend(slots[slot], task, from, rows, all, sums);
            for (int row = from; row < from + rows; ) {
                int to = Math.min(layout.end(block), from + rows);
                selection.add(layout, scratch, heads.headDim(), row - from, to - from);
                if (to == layout.end(block)) {
                    selection.keep(rule, head(task), block++, selected);
                    selection.begin(layout);
                }
                row = to;
            }
        }
    }

    private void operands(
            Matrix q, HeadLayout heads, Matrix out, @Nullable Matrix logSumExp, IntUnaryOperator firstRow) {
        this.q = q;
        this.heads = heads;
        this.out = out;
        this.logSumExp = logSumExp;
        this.firstRow = firstRow;
    }

    /** Packs some heads after the other, and runs a task for each of their query tiles. */
    private void forEachTile(Matrix k, Matrix v, int tileCount, WorkerPool.Task task) {
        tilesPerHead = tileCount;
        long headBytes = Math.max(1, HeadTiles.headBytes(k.rows(), heads.headDim()));
        int batch = Math.clamp(PACKED_BYTES / headBytes, 1, heads.keyValueHeads());
        for (int first = 0; first < heads.keyValueHeads(); first += batch) {
            int count = Math.min(batch, heads.keyValueHeads() - first);
            firstHead = first * heads.group();
            packed.pack(k, v, heads, first, count, pool);
            pool.forEach(lanes.withTasksPerItem(heads.group() * tileCount), task);
        }
    }

    /** The memory of one thread. */
    private static final class Slot {

        final MemorySegment shifts = Tiles.atLeast(MemorySegment.NULL, Tiles.QUERIES * (long) Float.BYTES);
        final MemorySegment sums = Tiles.atLeast(MemorySegment.NULL, Tiles.QUERIES * (long) Float.BYTES);
        final AmxSelection selection;
        private final KeyGroups kept = new KeyGroups();
        private MemorySegment scratch = MemorySegment.NULL;
        private int[] blocks = {};

        Slot(AttentionKernels kernels) {
            selection = new AmxSelection(kernels);
        }

        MemorySegment scratch(int headDim) {
            scratch = Tiles.atLeast(scratch, AttentionKernels.scratchBytes(headDim));
            return scratch;
        }

        /** {@return the keys that a query block keeps} */
        KeyGroups kept(BlockPattern pattern, int head, int queryBlock) {
            BlockLayout layout = pattern.layout();
            blocks = blocks.length < layout.blocks() ? new int[layout.blocks()] : blocks;
            kept.clear(layout.canvasLength(), layout.blocks());
            int count = pattern.keptBlocks(head, queryBlock, blocks);
            for (int i = count - 1; i >= 0; i--) {
                kept.add(layout.start(blocks[i]), layout.end(blocks[i]), 0);
            }
            return kept;
        }
    }
}
