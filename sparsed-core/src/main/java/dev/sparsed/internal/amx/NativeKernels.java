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

    private static final Linker.Option ARRAYS = Linker.Option.critical(true);

    // Constants, which the compiler turns into plain calls; what they call is their first argument.
    private static final MethodHandle ROUND_ROWS = handle("ALLLLAL", ARRAYS);
    private static final MethodHandle PACK_WEIGHTS = handle("ALLLLLA");
    private static final MethodHandle PACK_HEAP_WEIGHTS = handle("ALLLLLA", ARRAYS);
    private static final MethodHandle LINEAR = handle("ALALALALLLLLLA", ARRAYS);
    private static final MethodHandle PACK_GROUPS = handle("ALLLLLLA", ARRAYS);
    private static final MethodHandle BEGIN = handle("ALLLLFA", ARRAYS);
    private static final MethodHandle KEYS = handle("AAALLLA");
    private static final MethodHandle END = handle("ALLALLAA", ARRAYS);
    private static final MethodHandle BLOCK_SUMS = handle("AALLLLAAAA");
    private static final MethodHandle ROW_MAXIMA = handle("AALLLAA");
    private static final MethodHandle WEIGH = handle("ALLAAL", ARRAYS);

    private final MemorySegment roundRows;
    private final MemorySegment packWeights;
    private final MemorySegment linear;
    private final MemorySegment packKeys;
    private final MemorySegment begin;
    private final MemorySegment attendKeys;
    private final MemorySegment end;
    private final MemorySegment blockSums;
    private final MemorySegment rowMaxima;
    private final MemorySegment weigh;
    private final MemorySegment packValues;

    /**
     * Loads a library; it stays loaded.
     *
     * @param file the compiled kernels
     * @throws BackendUnavailableException if it cannot be loaded or lacks a kernel
     */
    NativeKernels(Path file) {
        SymbolLookup library;
        try {
            library = SymbolLookup.libraryLookup(file, Arena.global());
        } catch (IllegalArgumentException e) {
            throw new BackendUnavailableException("the AMX kernels " + file + " cannot be loaded (" + e.getMessage()
                    + "); where the folder is mounted noexec, name another with -D" + LibraryCache.PROPERTY + "=/path");
        }
        roundRows = address(library, "round_rows");
        packWeights = address(library, "pack_weights");
        linear = address(library, "linear");
        packKeys = address(library, "pack_keys");
        begin = address(library, "attention_begin");
        attendKeys = address(library, "attention_keys");
        end = address(library, "attention_end");
        blockSums = address(library, "block_sums");
        rowMaxima = address(library, "row_maxima");
        weigh = address(library, "weigh");
        packValues = address(library, "pack_values");
    }

    private static MemorySegment address(SymbolLookup library, String name) {
        return library.find("sparsed_" + name)
                .orElseThrow(() -> new BackendUnavailableException("the AMX kernels lack sparsed_" + name
                        + ": the library is of another version, run src/main/c/build.sh"));
    }

    /** A: address, L: 64-bit integer, F: float. */
    private static MethodHandle handle(String arguments, Linker.Option... options) {
        MemoryLayout[] layouts = arguments
                .chars()
                .mapToObj(letter -> letter == 'A' ? ADDRESS : letter == 'L' ? JAVA_LONG : JAVA_FLOAT)
                .toArray(MemoryLayout[]::new);
        return Linker.nativeLinker().downcallHandle(FunctionDescriptor.ofVoid(layouts), options);
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
            ROUND_ROWS.invokeExact(
                    roundRows,
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
        boolean mapped = w.data().isNative();
        try {
            if (mapped) {
                PACK_WEIGHTS.invokeExact(
                        packWeights, w.data(), type, (long) w.rows(), (long) w.columns(), (long) from, (long) to, out);
            } else {
                PACK_HEAP_WEIGHTS.invokeExact(
                        packWeights, w.data(), type, (long) w.rows(), (long) w.columns(), (long) from, (long) to, out);
            }
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
            LINEAR.invokeExact(
                    linear,
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
        MemorySegment kernel = values ? packValues : packKeys;
        try {
            PACK_GROUPS.invokeExact(
                    kernel,
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
            BEGIN.invokeExact(
                    begin,
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
            KEYS.invokeExact(
                    attendKeys,
                    keys,
                    values,
                    list.entries(),
                    (long) list.count(),
                    (long) rows,
                    (long) headDim,
                    scratch);
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
            END.invokeExact(
                    end,
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
            BLOCK_SUMS.invokeExact(
                    blockSums,
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
            ROW_MAXIMA.invokeExact(
                    rowMaxima, keys, list.entries(), (long) list.count(), (long) rows, (long) headDim, scratch, maxima);
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
            WEIGH.invokeExact(
                    weigh, sums, (long) slots, (long) rows, weights, MemorySegment.ofArray(importance), (long) offset);
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
