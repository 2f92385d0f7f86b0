package dev.sparsed.cuda.internal;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.attention.SelectionRule;
import dev.sparsed.cuda.internal.driver.DeviceBuffer;
import dev.sparsed.cuda.internal.kernel.AttentionKernels.KeptLists;
import dev.sparsed.cuda.internal.kernel.AttentionKernels.TileList;
import dev.sparsed.cuda.internal.kernel.AttentionOperands;
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
import java.util.Objects;
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
    private final Scratch quantized;

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
        this.quantized = opened(new Scratch(lane.stream, "quantized queries, keys and values", beforeMoving));
    }

    private <T extends AutoCloseable> T opened(T closeable) {
        opened.add(closeable);
        return closeable;
    }

    @Override
    public void dense(
            Tensor queries, Tensor keys, Tensor values, HeadLayout heads, Tensor out, @Nullable Tensor logSumExp) {
        bind.run();
        AttentionOperands operands =
                operands(queries, queries.rows(), keys, values, keys.rows(), heads, out, logSumExp);
        Arguments.check(keys.rows() > 0, () -> "no keys");
        if (queries.rows() > 0) {
            lane.denseAttention(heads.headDim()).dense(operands);
        }
    }

    /** Checks what attention is given: R rows of queries and N of keys and values. */
    private AttentionOperands operands(
            Tensor queries,
            int rows,
            Tensor keys,
            Tensor values,
            int canvas,
            HeadLayout heads,
            Tensor out,
            @Nullable Tensor logSumExp) {
        return new AttentionOperands(
                Arguments.tensor("queries", queries, dtype, rows, heads.queryColumns()),
                Arguments.tensor("keys", keys, dtype, canvas, heads.keyValueColumns()),
                Arguments.tensor("values", values, dtype, canvas, heads.keyValueColumns()),
                heads,
                Arguments.tensor("out", out, dtype, rows, heads.queryColumns()),
                logSumExp == null
                        ? null
                        : Arguments.tensor("logSumExp", logSumExp, DType.F32, rows, heads.queryHeads()));
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
        AttentionOperands operands = operands(queries, rows.count(), keys, values, canvas, heads, out, logSumExp);
        if (rows.count() > 0) {
            long address = lists.address(PatternLists.bytes(layout, pattern.heads()));
            KeptLists kept = lane.patternLists.run(patterns.address(pattern), layout, pattern.heads(), address);
            TileList tileList = tiles(rows, layout.blockSize());
            HopperFp8Attention fp8 = lane.fp8 == null || logSumExp != null // which needs scores that are not quantized
                    ? null
                    : lane.fp8.attention(heads.headDim(), layout.blockSize(), rows.count());
            if (fp8 == null) {
                lane.sparseAttention(heads.headDim(), layout).sparse(operands, tileList, kept);
            } else {
                long room = quantized.address(HopperFp8Attention.operandBytes(rows.count(), canvas, heads));
                fp8.sparse(operands, tileList, kept, room);
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
        AttentionOperands operands = operands(
                queries, canvas, keys, values, canvas, heads, out, Objects.requireNonNull(logSumExp, "logSumExp"));
        long[] words = new long[heads.queryHeads() * layout.blocks() * Math.ceilDiv(layout.blocks(), Long.SIZE)];
        DeviceBuffer bits = patterns.allocate(words.length);
        try {
            lane.selectingAttention(heads.headDim(), rule).denseAndSelect(operands, rule, bits.address());
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
