package dev.sparsed.internal.amx;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.sparsed.BackendUnavailableException;
import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.Weights;
import dev.sparsed.spi.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The kernels of {@code src/main/c}, one method each. Every extent is checked against the memory given before a kernel sees an address.
 * Kernels that touch arrays run for less than a millisecond, since the garbage collector waits for them; the others do not hold it up.
 */
@SuppressWarnings("restricted") // native access is what this class is for
final class NativeKernels {

    private static final long LANES_BYTES = Tiles.QUERIES * (long) Float.BYTES;

    private final SymbolLookup library;
    private final MethodHandle roundRows;
    private final MethodHandle packWeights;
    private final MethodHandle packHeapWeights;
    private final MethodHandle linear;
    private final MethodHandle packKeys;
    private final MethodHandle packValues;
    private final MethodHandle begin;
    private final MethodHandle keys;
    private final MethodHandle end;
    private final MethodHandle blockSums;
    private final MethodHandle rowMaxima;
    private final MethodHandle weigh;

    /**
     * Loads a library; it stays loaded.
     *
     * @param file the compiled kernels
     * @throws BackendUnavailableException if it cannot be loaded or lacks a kernel
     */
    NativeKernels(Path file) {
        try {
            library = SymbolLookup.libraryLookup(file, Arena.global());
        } catch (IllegalArgumentException e) {
            throw new BackendUnavailableException("the AMX kernels " + file + " cannot be loaded (" + e.getMessage()
                    + "); where the folder is mounted noexec, name another with -D" + LibraryCache.PROPERTY + "=/path");
        }
        Linker.Option arrays = Linker.Option.critical(true);
        roundRows = handle("round_rows", "ALLLLAL", arrays);
        packWeights = handle("pack_weights", "ALLLLLA");
        packHeapWeights = handle("pack_weights", "ALLLLLA", arrays);
        linear = handle("linear", "ALALALALLLLLLA", arrays);
        packKeys = handle("pack_keys", "ALLLLLLA", arrays);
        packValues = handle("pack_values", "ALLLLLLA", arrays);
        begin = handle("attention_begin", "ALLLLFA", arrays);
        keys = handle("attention_keys", "AAALLLA");
        end = handle("attention_end", "ALLALLAA", arrays);
        blockSums = handle("block_sums", "AALLLLAAAA");
        rowMaxima = handle("row_maxima", "AALLLAA");
        weigh = handle("weigh", "ALLAAL", arrays);
    }

    /** A: address, L: 64-bit integer, F: float. */
    private MethodHandle handle(String name, String arguments, Linker.Option... options) {
        MemorySegment address = library.find("sparsed_" + name)
                .orElseThrow(() -> new BackendUnavailableException("the AMX kernels lack sparsed_" + name
                        + ": the library is of another version, run src/main/c/build.sh"));
        MemoryLayout[] layouts = arguments
                .chars()
                .mapToObj(letter -> letter == 'A' ? ADDRESS : letter == 'L' ? JAVA_LONG : JAVA_FLOAT)
                .toArray(MemoryLayout[]::new);
        return Linker.nativeLinker().downcallHandle(address, FunctionDescriptor.ofVoid(layouts), options);
    }

    /**
     * Some rows, rounded to bf16, into row tiles.
     *
     * @param x the activation
     * @param from first row
     * @param rows how many
     * @param out receives {@code rowTiles(rows) × depthTiles(columns)} tiles
     * @param tile where, in tiles
     */
    void roundRows(Matrix x, int from, int rows, MemorySegment out, long tile) {
        Objects.checkFromIndexSize(from, rows, x.rows());
        checkTiles(out, tile, (long) Tiles.rowTiles(rows) * Tiles.depthTiles(x.columns()));
        try {
            roundRows.invokeExact(
                    MemorySegment.ofArray(x.data()),
                    (long) x.row(from),
                    (long) x.columns(),
                    (long) rows,
                    (long) x.columns(),
                    out,
                    tile);
        } catch (Throwable e) {
            throw thrown(e);
        }
    }

    /**
     * Some row tiles of a weight, rounded to bf16, into tiles for the right-hand side.
     *
     * @param w the weight
     * @param from first row tile
     * @param to end of the row tiles
     * @param out {@code rowTiles(rows) × depthTiles(columns)} tiles
     */
    void packWeights(Weights w, int from, int to, MemorySegment out) {
        int tiles = Tiles.rowTiles(w.rows());
        Objects.checkFromToIndex(from, to, tiles);
        checkTiles(out, 0, (long) tiles * Tiles.depthTiles(w.columns()));
        long type = w.dtype() == DType.F32 ? 0 : w.dtype() == DType.F16 ? 1 : 2; // Weights has no other
        MethodHandle pack = w.data().isNative() ? packWeights : packHeapWeights;
        try {
            pack.invokeExact(w.data(), type, (long) w.rows(), (long) w.columns(), (long) from, (long) to, out);
        } catch (Throwable e) {
            throw thrown(e);
        }
    }

    /**
     * One part of a product, {@code out = x·wᵀ (+ bias)}.
     *
     * @param x rounded rows
     * @param xTile row tile of x at which the part begins
     * @param w packed weight
     * @param wTile row tile of w at which the part begins
     * @param bias of all columns, or null
     * @param out receives rows {@code row …} and columns {@code 16·wTile …}
     * @param row first row of out
     * @param rows rows of the part
     * @param columns columns of the part
     * @param depthTiles tiles of the summed dimension
     * @param depthBlock how many of them at a time
     * @param sums scratch: a tile of floats for each of the part
     */
    void linear(
            MemorySegment x,
            int xTile,
            MemorySegment w,
            int wTile,
            @Nullable Matrix bias,
            Matrix out,
            int row,
            int rows,
            int columns,
            int depthTiles,
            int depthBlock,
            MemorySegment sums) {
        int column = wTile * Tiles.ROWS;
        Objects.checkFromIndexSize(row, rows, out.rows());
        Objects.checkFromIndexSize(column, columns, out.columns());
        checkTiles(x, (long) xTile * depthTiles, (long) Tiles.rowTiles(rows) * depthTiles);
        checkTiles(w, (long) wTile * depthTiles, (long) Tiles.rowTiles(columns) * depthTiles);
        if (depthBlock < depthTiles) {
            checkTiles(sums, 0, (long) Tiles.rowTiles(rows) * Tiles.rowTiles(columns));
        }
        if (bias != null && bias.columns() < column + columns || depthBlock < 1) {
            throw new IllegalArgumentException("bias " + bias + ", depthBlock " + depthBlock);
        }
        MemorySegment biases = bias == null ? MemorySegment.NULL : MemorySegment.ofArray(bias.data());
        try {
            linear.invokeExact(
                    x,
                    (long) xTile,
                    w,
                    (long) wTile,
                    biases,
                    bias == null ? 0L : bias.offset() + column,
                    MemorySegment.ofArray(out.data()),
                    (long) out.row(row) + column,
                    (long) out.columns(),
                    (long) rows,
                    (long) columns,
                    (long) depthTiles,
                    (long) depthBlock,
                    sums);
        } catch (Throwable e) {
            throw thrown(e);
        }
    }

    /**
     * Groups of keys, or of values, of one head, rounded to bf16.
     *
     * @param values whether these are values
     * @param from the matrix
     * @param column first column of the head
     * @param headDim D
     * @param firstGroup first group
     * @param endGroup end of the groups
     * @param out the head's groups, from the first of the canvas on
     */
    void packGroups(
            boolean values, Matrix from, int column, int headDim, int firstGroup, int endGroup, MemorySegment out) {
        Objects.checkFromIndexSize(column, headDim, from.columns());
        Objects.checkFromToIndex(firstGroup, endGroup, Math.ceilDiv(from.rows(), Tiles.GROUP));
        Objects.checkFromIndexSize(0, endGroup * Tiles.groupBytes(headDim), out.byteSize());
        MethodHandle pack = values ? packValues : packKeys;
        try {
            pack.invokeExact(
                    MemorySegment.ofArray(from.data()),
                    (long) from.offset() + column,
                    (long) from.columns(),
                    (long) from.rows(),
                    (long) headDim,
                    (long) firstGroup,
                    (long) endGroup,
                    out);
        } catch (Throwable e) {
            throw thrown(e);
        }
    }

    /** {@return bytes of the scratch memory that a query tile's attention or selection needs} */
    static long scratchBytes(int headDim) {
        int parts = Tiles.QUERIES / Tiles.GROUP;
        return (long) parts * (Tiles.depthTiles(headDim) * 6L * Tiles.BYTES + 2L * Tiles.GROUP * Float.BYTES);
    }

    /**
     * Packs a tile of queries.
     *
     * @param q the queries
     * @param row first row
     * @param rows 1 … {@link Tiles#QUERIES}
     * @param column first column of the head
     * @param headDim D
     * @param scale factor of every query
     * @param scratch {@link #scratchBytes} bytes
     */
    void begin(Matrix q, int row, int rows, int column, int headDim, float scale, MemorySegment scratch) {
        Objects.checkFromIndexSize(row, rows, q.rows());
        Objects.checkFromIndexSize(column, headDim, q.columns());
        checkQueries(rows, headDim, scratch);
        try {
            begin.invokeExact(
                    MemorySegment.ofArray(q.data()),
                    (long) q.row(row) + column,
                    (long) q.columns(),
                    (long) rows,
                    (long) headDim,
                    scale,
                    scratch);
        } catch (Throwable e) {
            throw thrown(e);
        }
    }

    /**
     * Attends to keys, after {@link #begin}.
     *
     * @param keys the head's keys
     * @param values the head's values
     * @param list groups of keys
     * @param rows as in {@link #begin}
     * @param headDim D
     * @param scratch as in {@link #begin}
     */
    void attend(
            MemorySegment keys, MemorySegment values, KeyGroups list, int rows, int headDim, MemorySegment scratch) {
        checkQueries(rows, headDim, scratch);
        checkGroups(keys, list, headDim);
        checkGroups(values, list, headDim);
        try {
            this.keys.invokeExact(
                    keys, values, list.entries(), (long) list.count(), (long) rows, (long) headDim, scratch);
        } catch (Throwable e) {
            throw thrown(e);
        }
    }

    /**
     * Writes the result of {@link #attend}.
     *
     * @param scratch as in {@link #begin}
     * @param rows as in {@link #begin}
     * @param headDim D
     * @param out the outputs
     * @param row first row
     * @param column first column of the head
     * @param shifts receives a float per row
     * @param sums receives a float per row; the log-sum-exp to base 2 is {@code shift + log₂ sum}
     */
    void end(
            MemorySegment scratch,
            int rows,
            int headDim,
            Matrix out,
            int row,
            int column,
            MemorySegment shifts,
            MemorySegment sums) {
        Objects.checkFromIndexSize(row, rows, out.rows());
        Objects.checkFromIndexSize(column, headDim, out.columns());
        checkQueries(rows, headDim, scratch);
        Objects.checkFromIndexSize(0, LANES_BYTES, Math.min(shifts.byteSize(), sums.byteSize()));
        try {
            end.invokeExact(
                    scratch,
                    (long) rows,
                    (long) headDim,
                    MemorySegment.ofArray(out.data()),
                    (long) out.row(row) + column,
                    (long) out.columns(),
                    shifts,
                    sums);
        } catch (Throwable e) {
            throw thrown(e);
        }
    }

    /**
     * Sums of {@code 2^(score − shift)} by key block and query, after {@link #begin}.
     *
     * @param keys the head's keys
     * @param list groups of keys; their slots are less than {@code slots}
     * @param slots number of sums per query
     * @param rows as in {@link #begin}
     * @param headDim D
     * @param scratch as in {@link #begin}
     * @param shifts {@code [QUERIES]}
     * @param sums receives {@code [slots][QUERIES]}
     * @param totals receives {@code [QUERIES]}: the sums over all slots
     */
    void blockSums(
            MemorySegment keys,
            KeyGroups list,
            int slots,
            int rows,
            int headDim,
            MemorySegment scratch,
            MemorySegment shifts,
            MemorySegment sums,
            MemorySegment totals) {
        checkQueries(rows, headDim, scratch);
        checkGroups(keys, list, headDim);
        Objects.checkIndex(list.lastSlot(), slots);
        Objects.checkFromIndexSize(0, slots * LANES_BYTES, sums.byteSize());
        Objects.checkFromIndexSize(0, LANES_BYTES, Math.min(shifts.byteSize(), totals.byteSize()));
        try {
            blockSums.invokeExact(
                    keys,
                    list.entries(),
                    (long) list.count(),
                    (long) slots,
                    (long) rows,
                    (long) headDim,
                    scratch,
                    shifts,
                    sums,
                    totals);
        } catch (Throwable e) {
            throw thrown(e);
        }
    }

    /**
     * The largest score of every query, after {@link #begin}.
     *
     * @param keys the head's keys
     * @param list groups of keys
     * @param rows as in {@link #begin}
     * @param headDim D
     * @param scratch as in {@link #begin}
     * @param maxima receives {@code [QUERIES]}
     */
    void rowMaxima(
            MemorySegment keys, KeyGroups list, int rows, int headDim, MemorySegment scratch, MemorySegment maxima) {
        checkQueries(rows, headDim, scratch);
        checkGroups(keys, list, headDim);
        Objects.checkFromIndexSize(0, LANES_BYTES, maxima.byteSize());
        try {
            rowMaxima.invokeExact(
                    keys, list.entries(), (long) list.count(), (long) rows, (long) headDim, scratch, maxima);
        } catch (Throwable e) {
            throw thrown(e);
        }
    }

    /**
     * {@code importance[offset + slot] += Σ_query weight·sum}.
     *
     * @param sums {@code [slots][QUERIES]}
     * @param slots how many
     * @param rows queries that count
     * @param weights one per query
     * @param importance receives the sums
     * @param offset index of slot 0 there
     */
    void weigh(MemorySegment sums, int slots, int rows, MemorySegment weights, double[] importance, int offset) {
        Objects.checkFromIndexSize(0, slots * LANES_BYTES, sums.byteSize());
        Objects.checkFromToIndex(1, rows, Tiles.QUERIES + 1);
        Objects.checkFromIndexSize(0, LANES_BYTES, weights.byteSize());
        Objects.checkFromIndexSize(offset, slots, importance.length);
        try {
            weigh.invokeExact(
                    sums, (long) slots, (long) rows, weights, MemorySegment.ofArray(importance), (long) offset);
        } catch (Throwable e) {
            throw thrown(e);
        }
    }

    private static void checkTiles(MemorySegment memory, long from, long count) {
        Objects.checkFromIndexSize(from * Tiles.BYTES, count * Tiles.BYTES, memory.byteSize());
    }

    private static void checkQueries(int rows, int headDim, MemorySegment scratch) {
        Objects.checkFromToIndex(1, rows, Tiles.QUERIES + 1);
        Objects.checkFromIndexSize(0, scratchBytes(headDim), scratch.byteSize());
    }

    private static void checkGroups(MemorySegment memory, KeyGroups list, int headDim) {
        Objects.checkFromIndexSize(0, (list.lastGroup() + 1) * Tiles.groupBytes(headDim), memory.byteSize());
    }

    private static RuntimeException thrown(Throwable e) {
        return switch (e) {
            case RuntimeException unchecked -> unchecked;
            case Error error -> throw error;
            default -> new IllegalStateException("a call of an AMX kernel failed", e);
        };
    }
}
