package dev.sparsed.internal.amx;

import dev.sparsed.internal.cpu.Linear;
import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.Weights;
import dev.sparsed.internal.cpu.WorkerPool;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * An MLP with SwiGLU on tiles of bf16: what the gate lets through is written as the tiles that the last product reads, half as many bytes as
 * one of the two products would take in float32. What a row gets depends neither on the threads nor on other rows.
 */
final class AmxMlp {

    /** Most column tiles of a task, of gate and of up: its sums are then 256 KiB at most, as those of a linear layer. */
    private static final int COLUMN_TILES = AmxLinear.COLUMN_TILES / 2;

    private final ProductKernels kernels;
    private final PackedWeights packed;
    private final PackedInput inputs;
    private final PackedInput inner;
    private final AmxLinear linear;
    private final WorkerPool pool;
    private final WorkerPool.Task gating = this::gate;
    private final MemorySegment[] sums;

    private TileMatrix input = new TileMatrix(TileType.BF16, 1, MemorySegment.NULL, MemorySegment.NULL);
    private TileMatrix gated = input;
    private TileMatrix gate = input;
    private TileMatrix up = input;
    private int rows;
    private int groups;
    private int groupTiles;

    AmxMlp(ProductKernels kernels, PackedWeights packed, PackedInput inputs, AmxLinear linear, WorkerPool pool) {
        this.kernels = kernels;
        this.packed = packed;
        this.inputs = inputs;
        this.linear = linear;
        this.pool = pool;
        inner = new PackedInput(kernels, pool);
        sums = new MemorySegment[pool.slots()];
        Arrays.fill(sums, MemorySegment.NULL);
    }

    /** {@return whether the weights are of the type that this is for} */
    boolean serves(Weights gate, Weights up, Weights down) {
        return isBf16(gate) && isBf16(up) && isBf16(down);
    }

    private boolean isBf16(Weights weights) {
        return packed.of(weights, pool).type() == TileType.BF16;
    }

    /**
     * {@code out = (silu(x·gateᵀ) · (x·upᵀ))·downᵀ}.
     *
     * @param x {@code [rows, in]}
     * @param gate {@code [inner, in]}
     * @param up {@code [inner, in]}
     * @param down {@code [out, inner]}
     * @param out {@code [rows, out]}
     */
    void mlp(Matrix x, Weights gate, Weights up, Weights down, Matrix out) {
        this.gate = packed.of(gate, pool);
        this.up = packed.of(up, pool);
        Linear last = new Linear(down, null, out);
        int most = PackedInput.mostRows(TileType.BF16, Math.max(x.columns(), gate.rows()));
        for (int from = 0; from < x.rows(); from += most) {
            rows = Math.min(most, x.rows() - from);
            input = inputs.pack(x, from, rows, TileType.BF16);
            gated = inner.room(TileType.BF16, rows, gate.rows());
            int panels = Math.ceilDiv(Tiles.rowTiles(rows), AmxLinear.ROW_TILES);
            int wanted = Math.ceilDiv(AmxLinear.TASKS_PER_THREAD * pool.slots(), panels);
            int tiles = Tiles.rowTiles(gate.rows());
            groupTiles = Math.clamp(tiles / wanted / 2 * 2, 2, COLUMN_TILES); // pairs are a tile of the result
            groups = Math.ceilDiv(tiles, groupTiles);
            pool.forEach(panels * groups, gating);
            linear.linear(gated, last, from, rows);
        }
    }

    private void gate(int task, int slot) {
        int tile = task % groups * groupTiles;
        int rowTile = task / groups * AmxLinear.ROW_TILES;
        if (input.depthTiles() > AmxLinear.DEPTH_BLOCK) {
            sums[slot] = Tiles.atLeast(sums[slot], 2L * AmxLinear.ROW_TILES * COLUMN_TILES * Tiles.BYTES);
        }
        kernels.gated(
                input,
                gate,
                up,
                tile,
                gated,
                rowTile,
                Math.min(AmxLinear.ROW_TILES * Tiles.ROWS, rows - rowTile * Tiles.ROWS),
                Math.min(groupTiles * Tiles.ROWS, gated.columns() - tile * Tiles.ROWS),
                AmxLinear.DEPTH_BLOCK,
                sums[slot]);
    }
}
