package dev.sparsed.cuda.internal;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.attention.SelectionRule;
import dev.sparsed.cuda.internal.driver.DeviceBuffer;
import dev.sparsed.cuda.internal.kernel.AttentionKernels.KeptLists;
import dev.sparsed.cuda.internal.kernel.AttentionKernels.TileList;
import dev.sparsed.cuda.internal.kernel.DeviceTensor;
import dev.sparsed.cuda.internal.kernel.HopperFp8Attention;
import dev.sparsed.cuda.internal.kernel.PatternLists;
import dev.sparsed.spi.AttentionBackend;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.HeadLayout;
import dev.sparsed.spi.Positions;
import dev.sparsed.spi.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A request's attention on the GPU. Patterns stay on the device, as bits, from their selection on; a pattern that was made elsewhere is
 * uploaded when it is first used.
 */
final class CudaAttention implements AttentionBackend, AutoCloseable {

    private final Lane lane;
    private final DType dtype;
    private final Runnable bind;
    private final DevicePatterns patterns;
    private final Map<ConsecutiveRows, TileList> tiles = new HashMap<>();
    private final List<AutoCloseable> opened = new ArrayList<>();
    private final Scratch lists;
    private final Scratch otherTiles;
    private final Scratch operands;

    private record ConsecutiveRows(int from, int count, int blockSize) {}

    /**
     * A request's attention.
     *
     * @param lane what the request has to itself
     * @param dtype type of the activations
     * @param beforeMoving runs before an address that recordings may hold changes
     * @param bind binds the calling thread to the device
     */
    CudaAttention(Lane lane, DType dtype, Runnable beforeMoving, Runnable bind) {
        this.lane = lane;
        this.dtype = dtype;
        this.bind = bind;
        this.patterns = opened(new DevicePatterns(lane.stream));
        this.lists = opened(new Scratch(lane.stream, "lists of kept blocks", beforeMoving));
        this.otherTiles = opened(new Scratch(lane.stream, "query tiles", beforeMoving));
        this.operands = opened(new Scratch(lane.stream, "quantized queries, keys and values", beforeMoving));
    }

    private <T extends AutoCloseable> T opened(T closeable) {
        opened.add(closeable);
        return closeable;
    }

    @Override
    public void dense(
            Tensor queries, Tensor keys, Tensor values, HeadLayout heads, Tensor out, @Nullable Tensor logSumExp) {
        bind.run();
        DeviceTensor q = Arguments.tensor("queries", queries, dtype, queries.rows(), heads.queryColumns());
        DeviceTensor k = Arguments.tensor("keys", keys, dtype, keys.rows(), heads.keyValueColumns());
        DeviceTensor v = Arguments.tensor("values", values, dtype, keys.rows(), heads.keyValueColumns());
        DeviceTensor result = Arguments.tensor("out", out, dtype, q.rows(), heads.queryColumns());
        DeviceTensor sums = logSumExp == null
                ? null
                : Arguments.tensor("logSumExp", logSumExp, DType.F32, q.rows(), heads.queryHeads());
        Arguments.check(k.rows() > 0, () -> "no keys");
        if (q.rows() > 0) {
            lane.denseAttention(heads.headDim()).dense(q, k, v, heads, result, sums);
        }
    }

    @Override
    public void blockSparse(
            Tensor queries,
            Positions rows,
            Tensor keys,
            Tensor values,
            HeadLayout heads,
            BlockPattern pattern,
            Tensor out,
            @Nullable Tensor logSumExp) {
        bind.run();
        BlockLayout layout = pattern.layout();
        int canvas = layout.canvasLength();
        Arguments.check(
                pattern.heads() == heads.queryHeads(),
                () -> "the pattern is for " + pattern.heads() + " heads, there are " + heads.queryHeads());
        Arguments.positions("queries", queries, rows, canvas);
        DeviceTensor q = Arguments.tensor("queries", queries, dtype, rows.count(), heads.queryColumns());
        DeviceTensor k = Arguments.tensor("keys", keys, dtype, canvas, heads.keyValueColumns());
        DeviceTensor v = Arguments.tensor("values", values, dtype, canvas, heads.keyValueColumns());
        DeviceTensor result = Arguments.tensor("out", out, dtype, rows.count(), heads.queryColumns());
        DeviceTensor sums = logSumExp == null
                ? null
                : Arguments.tensor("logSumExp", logSumExp, DType.F32, rows.count(), heads.queryHeads());
        if (rows.count() > 0) {
            long address = lists.address(PatternLists.bytes(layout, pattern.heads()));
            KeptLists kept = lane.patternLists.run(patterns.address(pattern), layout, pattern.heads(), address);
            TileList tileList = tiles(rows, layout.blockSize());
            HopperFp8Attention fp8 = lane.fp8 == null || sums != null // which needs scores that are not quantized
                    ? null
                    : lane.fp8.attention(heads.headDim(), layout.blockSize(), rows.count());
            if (fp8 == null) {
                lane.sparseAttention(heads.headDim(), layout).sparse(q, tileList, k, v, heads, kept, result, sums);
            } else {
                long room = operands.address(HopperFp8Attention.operandBytes(rows.count(), canvas, heads));
                fp8.sparse(q, tileList, k, v, heads, kept, room, result);
            }
        }
    }

    @Override
    public BlockPattern denseAndSelect(
            Tensor queries,
            Tensor keys,
            Tensor values,
            HeadLayout heads,
            Tensor out,
            Tensor logSumExp,
            SelectionRule rule) {
        bind.run();
        BlockLayout layout = rule.layout();
        int canvas = layout.canvasLength();
        DeviceTensor q = Arguments.tensor("queries", queries, dtype, canvas, heads.queryColumns());
        DeviceTensor k = Arguments.tensor("keys", keys, dtype, canvas, heads.keyValueColumns());
        DeviceTensor v = Arguments.tensor("values", values, dtype, canvas, heads.keyValueColumns());
        DeviceTensor result = Arguments.tensor("out", out, dtype, canvas, heads.queryColumns());
        DeviceTensor sums = Arguments.tensor("logSumExp", logSumExp, DType.F32, canvas, heads.queryHeads());
        long[] words = new long[heads.queryHeads() * layout.blocks() * Math.ceilDiv(layout.blocks(), Long.SIZE)];
        DeviceBuffer bits = patterns.allocate(words.length);
        try {
            lane.selectingAttention(heads.headDim(), rule)
                    .denseAndSelect(q, k, v, heads, result, sums, rule, bits.address());
            lane.stream.download(bits.address(), MemorySegment.ofArray(words));
            BlockPattern pattern = BlockPattern.of(layout, heads.queryHeads(), words);
            patterns.keep(pattern, bits);
            return pattern;
        } catch (RuntimeException e) {
            bits.close();
            throw e;
        }
    }

    private TileList tiles(Positions rows, int blockSize) {
        if (!Arguments.areConsecutive(rows)) {
            return uploaded(otherTiles, QueryTiles.of(rows, blockSize));
        }
        return tiles.computeIfAbsent(
                new ConsecutiveRows(rows.get(0), rows.count(), blockSize),
                key -> uploaded(
                        opened(new Scratch(lane.stream, "query tiles", () -> {})), QueryTiles.of(rows, blockSize)));
    }

    private static TileList uploaded(Scratch scratch, int[] tiles) {
        return new TileList(scratch.upload(tiles), tiles.length / QueryTiles.INTS);
    }

    @Override
    public void close() {
        Closing.all(opened);
    }
}
