package dev.sparsed.internal.vector;

import static dev.sparsed.internal.vector.ScoreTile.QUERY_TILE;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.attention.SelectionRule;
import dev.sparsed.internal.cpu.CpuAttention;
import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.RowTiles;
import dev.sparsed.internal.cpu.WorkerPool;
import dev.sparsed.spi.HeadLayout;
import dev.sparsed.spi.Positions;
import java.util.Arrays;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Attention on vectors. Packs keys and values of a few heads, then shares out head × query tile over the
 * threads. Keeps its scratch memory, which grows on demand and is linear in the canvas. One instance belongs to one
 * request, and one thread at a time calls it.
 */
final class VectorAttention implements CpuAttention {

    /**
     * Floats of keys, and as many of values, that are packed at once: few heads of a long canvas, all heads of a short
     * one.
     */
    private static final int PACKED_FLOATS = 1 << 23;

    /** Tasks per thread below which query tiles become smaller, so that no thread waits long for the last one. */
    private static final int TASKS_PER_THREAD = 4;

    private static final int SMALLEST_QUERY_TILE = 16;

    private final WorkerPool pool;
    private final int packedFloats;
    private final KeyValuePanels packed = new KeyValuePanels();
    private final PanelList all = new PanelList();
    private final PanelList generation = new PanelList();
    private final KeptPanels[] kept;
    private final FlashAttention[] flash;
    private final BlockSelection[] selection;
    private final RowTiles tiles = new RowTiles();
    private final WorkerPool.Task denseTile = this::denseTile;
    private final WorkerPool.Task sparseTile = this::sparseTile;
    private final WorkerPool.Task selectedBlocks = this::selectedBlocks;

    private Matrix q = RowOperation.NOTHING;
    private Matrix out = RowOperation.NOTHING;
    private @Nullable Matrix logSumExp;
    private HeadLayout heads = new HeadLayout(1, 1, 2);
    private @Nullable BlockPattern pattern;
    private @Nullable SelectionRule rule;
    private BlockPattern.@Nullable Builder selected;
    private int firstHead;
    private int tilesPerHead;
    private int rowsPerTile;
    private int blocksPerTile;

    VectorAttention(WorkerPool pool) {
        this(pool, PACKED_FLOATS);
    }

    /**
     * With another size of what is packed at once; results do not depend on it.
     *
     * @param pool threads to work on
     * @param packedFloats floats of keys that are packed at once, as far as whole heads allow
     */
    VectorAttention(WorkerPool pool, int packedFloats) {
        this.pool = pool;
        this.packedFloats = packedFloats;
        kept = fill(new KeptPanels[pool.slots()], KeptPanels::new);
        flash = fill(new FlashAttention[pool.slots()], FlashAttention::new);
        selection = fill(new BlockSelection[pool.slots()], BlockSelection::new);
    }

    private static <T> T[] fill(T[] slots, Supplier<T> supplier) {
        Arrays.setAll(slots, slot -> supplier.get());
        return slots;
    }

    @Override
    public void dense(Matrix q, Matrix k, Matrix v, HeadLayout heads, Matrix out, @Nullable Matrix logSumExp) {
        all.clear(k.rows());
        all.add(0, k.rows());
        all.padToPairs();
        int tileRows = QUERY_TILE;
        int wanted = TASKS_PER_THREAD * pool.slots();
        while (tileRows > SMALLEST_QUERY_TILE && Math.ceilDiv(q.rows(), tileRows) * heads.queryHeads() < wanted) {
            tileRows /= 2;
        }
        rowsPerTile = tileRows;
        operands(q, heads, out, logSumExp);
        forEachTile(k, v, Math.ceilDiv(q.rows(), tileRows), denseTile);
    }

    private void denseTile(int task, int slot) {
        int head = firstHead + task / tilesPerHead;
        int from = task % tilesPerHead * rowsPerTile;
        int rows = Math.min(rowsPerTile, q.rows() - from);
        attend(slot, from, rows, head, all);
    }

    private void attend(int slot, int from, int rows, int head, PanelList keys) {
        flash[slot].begin(q, from, rows, head, heads, packed);
        flash[slot].add(keys, null);
        flash[slot].end(out, logSumExp);
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
        tiles.cut(rows, pattern.layout().blockSize(), QUERY_TILE);
        this.pattern = pattern;
        operands(q, heads, out, logSumExp);
        forEachTile(k, v, tiles.count(), sparseTile);
        this.pattern = null;
    }

    private void sparseTile(int task, int slot) {
        int head = firstHead + task / tilesPerHead;
        int tile = task % tilesPerHead;
        PanelList keys = kept[slot].of(pattern, head, tiles.block(tile));
        attend(slot, tiles.from(tile), tiles.rows(tile), head, keys);
    }

    @Override
    public BlockPattern denseAndSelect(
            Matrix q, Matrix k, Matrix v, HeadLayout heads, Matrix out, Matrix logSumExp, SelectionRule rule) {
        BlockLayout layout = rule.layout();
        int border = layout.start(layout.firstGenerationBlock());
        PanelList prompt = all;
        prompt.clear(k.rows());
        prompt.add(0, border);
        prompt.padToPairs();
        generation.clear(k.rows());
        generation.add(border, k.rows());
        generation.padToPairs();
        BlockPattern.Builder builder = new BlockPattern.Builder(layout, heads.queryHeads());
        this.rule = rule;
        selected = builder;
        operands(q, heads, out, logSumExp);
        blocksPerTile = BlockSelection.queryBlocks(layout.blockSize());
        forEachTile(k, v, Math.ceilDiv(layout.blocks(), blocksPerTile), selectedBlocks);
        this.rule = null;
        selected = null;
        return builder.build();
    }

    private void selectedBlocks(int task, int slot) {
        int head = firstHead + task / tilesPerHead;
        int from = task % tilesPerHead * blocksPerTile;
        int to = Math.min(from + blocksPerTile, rule.layout().blocks());
        selection[slot].attend(
                flash[slot], q, head, heads, packed, rule, from, to, all, generation, out, logSumExp, selected);
    }

    private void operands(Matrix q, HeadLayout heads, Matrix out, @Nullable Matrix logSumExp) {
        this.q = q;
        this.heads = heads;
        this.out = out;
        this.logSumExp = logSumExp;
    }

    /** Packs some heads after the other, and runs a task for each of their query tiles. */
    private void forEachTile(Matrix k, Matrix v, int tileCount, WorkerPool.Task task) {
        tilesPerHead = tileCount;
        int batch = batch(k, heads);
        for (int first = 0; first < heads.keyValueHeads(); first += batch) {
            int count = Math.min(batch, heads.keyValueHeads() - first);
            firstHead = first * heads.group();
            packed.pack(k, v, heads, first, count, pool);
            pool.forEach(count * heads.group() * tileCount, task);
        }
    }

    /** How many key/value heads to pack at once. */
    private int batch(Matrix k, HeadLayout heads) {
        long fitting = packedFloats / Math.max(KeyValuePanels.floatsPerHead(k.rows(), heads.headDim()), 1);
        return Math.clamp(fitting, 1, heads.keyValueHeads());
    }

    /** The panels of a query block's kept key blocks, with the scratch memory of one thread. */
    private static final class KeptPanels {

        private final PanelList panels = new PanelList();
        private int[] blocks = new int[0];

        PanelList of(BlockPattern pattern, int head, int queryBlock) {
            BlockLayout layout = pattern.layout();
            if (blocks.length < layout.blocks()) {
                blocks = new int[layout.blocks()];
            }
            panels.clear(layout.canvasLength());
            int count = pattern.keptBlocks(head, queryBlock, blocks);
            for (int i = 0; i < count; i++) {
                panels.add(layout.start(blocks[i]), layout.end(blocks[i]));
            }
            panels.padToPairs();
            return panels;
        }
    }
}
