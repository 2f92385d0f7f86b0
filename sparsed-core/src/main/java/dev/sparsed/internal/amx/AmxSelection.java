package dev.sparsed.internal.amx;

import static dev.sparsed.internal.amx.AmxAttention.LOG2_E;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.attention.SelectionRule;
import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.spi.HeadLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * The selection of one query block's key blocks ({@link SelectionRule}), with the memory of one thread. Prompt keys: the sums of
 * {@code 2^(s − lse)}. Generation keys: the sums of {@code 2^(s − shift)} by row, which enter the importance over all keys with the
 * weight {@code 2^(shift − lse)} and that over the generation keys divided by the row's sum. The shift is {@code lse − 92}, so that rows
 * that look at the prompt nearly alone do not underflow; where even that leaves too little, it is the row's largest generation score.
 */
final class AmxSelection {

    /** No score exceeds the row's log-sum-exp, so no sum exceeds 2^93. */
    private static final double HEADROOM = 92;

    /** Least sum of a row that does without its maximum: terms lost to underflow, below 2⁻¹²⁶, are then less than 10⁻¹⁹ of it. */
    private static final float LEAST_SUM = 0x1p-62f;

    private static final long LANES_BYTES = Tiles.QUERIES * (long) Float.BYTES;

    private final NativeKernels kernels;
    private final MemorySegment shifts = Tiles.atLeast(MemorySegment.NULL, LANES_BYTES);
    private final MemorySegment totals = Tiles.atLeast(MemorySegment.NULL, LANES_BYTES);
    private final MemorySegment maxima = Tiles.atLeast(MemorySegment.NULL, LANES_BYTES);
    private final MemorySegment weights = Tiles.atLeast(MemorySegment.NULL, LANES_BYTES);
    private final double[] logSumExp = new double[Tiles.QUERIES];
    private MemorySegment scratch = MemorySegment.NULL;
    private MemorySegment sums = MemorySegment.NULL;
    private double[] overAll = {};
    private double[] overGeneration = {};
    private double[] sorted = {};

    AmxSelection(NativeKernels kernels) {
        this.kernels = kernels;
    }

    /**
     * Selects.
     *
     * @param q {@code [N, queryHeads × headDim]}
     * @param lse {@code [N, queryHeads]}: the log-sum-exp of every row and head
     * @param head query head
     * @param heads head layout
     * @param packed the head's keys
     * @param keys the keys by block
     * @param rule what to keep
     * @param queryBlock the query block
     * @param pattern receives the blocks
     */
    void select(
            Matrix q,
            Matrix lse,
            int head,
            HeadLayout heads,
            MemorySegment packed,
            SelectionKeys keys,
            SelectionRule rule,
            int queryBlock,
            BlockPattern.Builder pattern) {
        BlockLayout layout = rule.layout();
        int headDim = heads.headDim();
        prepare(layout, headDim);
        for (int from = layout.start(queryBlock); from < layout.end(queryBlock); from += Tiles.QUERIES) {
            int rows = Math.min(Tiles.QUERIES, layout.end(queryBlock) - from);
            kernels.begin(q, from, rows, head * headDim, headDim, AmxAttention.scale(headDim), scratch);
            for (int row = 0; row < rows; row++) {
                logSumExp[row] = LOG2_E * lse.data()[lse.row(from + row) + head];
            }
            addPrompt(packed, keys.prompt(), rows, headDim, layout.firstGenerationBlock());
            addGeneration(packed, keys.generation(), rows, headDim, layout);
        }
        int first = layout.firstGenerationBlock();
        keep(overAll, layout.blocks(), rule, first, head, queryBlock, 0, pattern);
        int count = layout.generationBlocks();
        keep(overGeneration, count, rule, count, head, queryBlock, first, pattern);
    }

    private void prepare(BlockLayout layout, int headDim) {
        int blocks = layout.blocks();
        scratch = Tiles.atLeast(scratch, NativeKernels.scratchBytes(headDim));
        sums = Tiles.atLeast(sums, blocks * LANES_BYTES);
        if (overAll.length < blocks) {
            overAll = new double[blocks];
            overGeneration = new double[blocks];
            sorted = new double[blocks];
        }
        Arrays.fill(overAll, 0, blocks, 0);
        Arrays.fill(overGeneration, 0, blocks, 0);
        shifts.fill((byte) 0); // of the lanes beyond the last row
    }

    private void addPrompt(MemorySegment packed, KeyGroups keys, int rows, int headDim, int blocks) {
        if (blocks == 0) {
            return;
        }
        for (int row = 0; row < rows; row++) {
            set(shifts, row, Math.rint(logSumExp[row]));
            set(weights, row, Math.pow(2, Math.rint(logSumExp[row]) - logSumExp[row]));
        }
        kernels.blockSums(packed, keys, blocks, rows, headDim, scratch, shifts, sums, totals);
        kernels.weigh(sums, blocks, rows, weights, overAll, 0);
    }

    private void addGeneration(MemorySegment packed, KeyGroups keys, int rows, int headDim, BlockLayout layout) {
        int blocks = layout.generationBlocks();
        for (int row = 0; row < rows; row++) {
            set(shifts, row, Math.rint(logSumExp[row]) - HEADROOM);
        }
        kernels.blockSums(packed, keys, blocks, rows, headDim, scratch, shifts, sums, totals);
        if (underflow(rows)) {
            kernels.rowMaxima(packed, keys, rows, headDim, scratch, maxima);
            for (int row = 0; row < rows; row++) {
                if (!(get(totals, row) >= LEAST_SUM)) {
                    set(shifts, row, Math.rint(get(maxima, row)));
                }
            }
            kernels.blockSums(packed, keys, blocks, rows, headDim, scratch, shifts, sums, totals);
        }
        for (int row = 0; row < rows; row++) {
            set(weights, row, Math.pow(2, get(shifts, row) - logSumExp[row]));
        }
        kernels.weigh(sums, blocks, rows, weights, overAll, layout.firstGenerationBlock());
        for (int row = 0; row < rows; row++) {
            set(weights, row, 1.0 / get(totals, row));
        }
        kernels.weigh(sums, blocks, rows, weights, overGeneration, 0);
    }

    private boolean underflow(int rows) {
        for (int row = 0; row < rows; row++) {
            if (!(get(totals, row) >= LEAST_SUM)) {
                return true;
            }
        }
        return false;
    }

    private static float get(MemorySegment lanes, int lane) {
        return lanes.getAtIndex(ValueLayout.JAVA_FLOAT, lane);
    }

    private static void set(MemorySegment lanes, int lane, double value) {
        lanes.setAtIndex(ValueLayout.JAVA_FLOAT, lane, (float) value);
    }

    /** Of the most important blocks, as many as the rule takes, ties to the lower one, keeps those below {@code end}. */
    private void keep(
            double[] importance,
            int blocks,
            SelectionRule rule,
            int end,
            int head,
            int queryBlock,
            int first,
            BlockPattern.Builder pattern) {
        for (int block = 0; block < blocks; block++) {
            importance[block] =
                    Double.isNaN(importance[block]) ? 0 : importance[block]; // of scores that are no numbers
            sorted[block] = importance[block];
        }
        Arrays.sort(sorted, 0, blocks);
        int budget = rule.budget(sorted, blocks);
        double least = sorted[blocks - budget];
        int ties = budget;
        for (int block = 0; block < blocks; block++) {
            ties -= importance[block] > least ? 1 : 0;
        }
        for (int block = 0; block < end; block++) {
            if (importance[block] > least || importance[block] == least && ties-- > 0) {
                pattern.keep(head, queryBlock, first + block);
            }
        }
    }
}
