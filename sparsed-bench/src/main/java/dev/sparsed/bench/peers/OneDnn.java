package dev.sparsed.bench.peers;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.sparsed.BackendUnavailableException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * oneDNN 2's bf16 matrix product with float32 results, through its C API: weights reordered once into the layout that its primitive asks
 * for, as a framework does.
 */
@SuppressWarnings("restricted") // native access is what this class is for
final class OneDnn {

    private static final int CPU = 1;
    private static final int IN_ORDER = 1;
    private static final int BF16 = 2;
    private static final int F32 = 3;
    private static final int FORMAT_ANY = 1;
    private static final int FORMAT_AB = 3;
    private static final int QUERY_WEIGHTS = 131;
    private static final int ARGUMENT_SOURCE = 1;
    private static final int ARGUMENT_DESTINATION = 17;
    private static final int ARGUMENT_WEIGHTS = 33;
    private static final long ARGUMENT_BYTES = 16;

    /** More than any descriptor of version 2 takes. */
    private static final long DESCRIPTOR_BYTES = 1 << 14;

    private static final int CACHE_LINE = 64;

    private final SymbolLookup library;
    private final MethodHandle execute;
    private final MethodHandle await;
    private final MemorySegment engine;
    private final MemorySegment stream;

    private OneDnn(SymbolLookup library) {
        this.library = library;
        Arena arena = Arena.global();
        execute = handle("dnnl_primitive_execute", ADDRESS, ADDRESS, JAVA_INT, ADDRESS);
        await = handle("dnnl_stream_wait", ADDRESS);
        MemorySegment result = arena.allocate(ADDRESS);
        call(handle("dnnl_engine_create", ADDRESS, JAVA_INT, JAVA_LONG), result, CPU, 0L);
        engine = result.get(ADDRESS, 0);
        call(handle("dnnl_stream_create", ADDRESS, ADDRESS, JAVA_INT), result, engine, IN_ORDER);
        stream = result.get(ADDRESS, 0);
    }

    /**
     * Loads the library, whose threads OMP_NUM_THREADS sets; it stays loaded.
     *
     * @param path where it is, or null to look where the system looks
     * @return the library
     * @throws BackendUnavailableException if there is none
     */
    static OneDnn load(@Nullable Path path) {
        try {
            return new OneDnn(
                    path == null
                            ? SymbolLookup.libraryLookup("libdnnl.so.2", Arena.global())
                            : SymbolLookup.libraryLookup(path.toAbsolutePath(), Arena.global()));
        } catch (IllegalArgumentException e) {
            throw new BackendUnavailableException("there is no oneDNN 2 to compare with (" + e.getMessage()
                    + "): install it, on Debian with apt-get install libdnnl2, or name the file with --library");
        }
    }

    private MethodHandle handle(String name, MemoryLayout... arguments) {
        MemorySegment address = library.find(name)
                .orElseThrow(() -> new BackendUnavailableException("the library has no " + name + ": not oneDNN 2"));
        return Linker.nativeLinker().downcallHandle(address, FunctionDescriptor.of(JAVA_INT, arguments));
    }

    private static void call(MethodHandle function, Object... arguments) {
        try {
            int status = (int) function.invokeWithArguments(arguments);
            if (status != 0) {
                throw new IllegalStateException("oneDNN answered with status " + status);
            }
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException("a call of oneDNN failed", e);
        }
    }

    /**
     * Prepares {@code out = x·wᵀ}.
     *
     * @param memory owns what is allocated
     * @param shape extents
     * @param x {@code [rows, in]} bf16
     * @param w {@code [out, in]} bf16
     * @param out receives {@code [rows, out]} float32
     * @return runs the product
     */
    Runnable product(Arena memory, MatrixShape shape, MemorySegment x, MemorySegment w, MemorySegment out) {
        MemorySegment source = tagged(memory, shape.rows(), shape.in(), BF16, FORMAT_AB);
        MemorySegment weights = tagged(memory, shape.in(), shape.out(), BF16, FORMAT_ANY);
        MemorySegment destination = tagged(memory, shape.rows(), shape.out(), F32, FORMAT_AB);
        MemorySegment descriptor = memory.allocate(DESCRIPTOR_BYTES, CACHE_LINE);
        call(
                handle("dnnl_matmul_desc_init", ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS),
                descriptor,
                source,
                weights,
                MemorySegment.NULL,
                destination);
        MemorySegment result = memory.allocate(ADDRESS);
        call(
                handle("dnnl_primitive_desc_create", ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS),
                result,
                descriptor,
                MemorySegment.NULL,
                engine,
                MemorySegment.NULL);
        MemorySegment matmul = result.get(ADDRESS, 0);
        MemorySegment wanted = wantedWeights(matmul);
        MemorySegment packed = memoryOf(memory, wanted, MemorySegment.ofAddress(-1)); // allocated by the library
        reorder(memory, transposed(memory, shape), w, wanted, packed);
        MemorySegment primitive = primitive(memory, matmul);
        MemorySegment arguments = arguments(
                memory,
                ARGUMENT_SOURCE,
                memoryOf(memory, source, x),
                ARGUMENT_WEIGHTS,
                packed,
                ARGUMENT_DESTINATION,
                memoryOf(memory, destination, out));
        return () -> execute(primitive, arguments, 3);
    }

    private void execute(MemorySegment primitive, MemorySegment arguments, int count) {
        try {
            int status = (int) execute.invokeExact(primitive, stream, count, arguments);
            status |= (int) await.invokeExact(stream);
            if (status != 0) {
                throw new IllegalStateException("oneDNN answered with status " + status);
            }
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException("a call of oneDNN failed", e);
        }
    }

    private void reorder(Arena memory, MemorySegment from, MemorySegment w, MemorySegment to, MemorySegment packed) {
        MemorySegment result = memory.allocate(ADDRESS);
        call(
                handle("dnnl_reorder_primitive_desc_create", ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS),
                result,
                from,
                engine,
                to,
                engine,
                MemorySegment.NULL);
        MemorySegment arguments = arguments(
                memory,
                ARGUMENT_SOURCE,
                memoryOf(memory, from, w),
                ARGUMENT_DESTINATION,
                packed,
                0,
                MemorySegment.NULL);
        execute(primitive(memory, result.get(ADDRESS, 0)), arguments, 2);
    }

    private MemorySegment wantedWeights(MemorySegment matmul) {
        MethodHandle query = Linker.nativeLinker()
                .downcallHandle(
                        library.find("dnnl_primitive_desc_query_md").orElseThrow(),
                        FunctionDescriptor.of(ADDRESS, ADDRESS, JAVA_INT, JAVA_INT));
        try {
            return (MemorySegment) query.invokeExact(matmul, QUERY_WEIGHTS, 0);
        } catch (Throwable e) {
            throw new IllegalStateException("a call of oneDNN failed", e);
        }
    }

    private MemorySegment primitive(Arena memory, MemorySegment descriptor) {
        MemorySegment result = memory.allocate(ADDRESS);
        call(handle("dnnl_primitive_create", ADDRESS, ADDRESS), result, descriptor);
        return result.get(ADDRESS, 0);
    }

    private MemorySegment memoryOf(Arena memory, MemorySegment descriptor, MemorySegment data) {
        MemorySegment result = memory.allocate(ADDRESS);
        call(handle("dnnl_memory_create", ADDRESS, ADDRESS, ADDRESS, ADDRESS), result, descriptor, engine, data);
        return result.get(ADDRESS, 0);
    }

    private MemorySegment tagged(Arena memory, long rows, long columns, int type, int tag) {
        MemorySegment descriptor = memory.allocate(DESCRIPTOR_BYTES, CACHE_LINE);
        MemorySegment extents = memory.allocateFrom(JAVA_LONG, rows, columns);
        call(
                handle("dnnl_memory_desc_init_by_tag", ADDRESS, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT),
                descriptor,
                2,
                extents,
                type,
                tag);
        return descriptor;
    }

    /** {@code [in, out]}, where memory has {@code [out, in]}. */
    private MemorySegment transposed(Arena memory, MatrixShape shape) {
        MemorySegment descriptor = memory.allocate(DESCRIPTOR_BYTES, CACHE_LINE);
        call(
                handle("dnnl_memory_desc_init_by_strides", ADDRESS, JAVA_INT, ADDRESS, JAVA_INT, ADDRESS),
                descriptor,
                2,
                memory.allocateFrom(JAVA_LONG, shape.in(), shape.out()),
                BF16,
                memory.allocateFrom(JAVA_LONG, 1, shape.in()));
        return descriptor;
    }

    private static MemorySegment arguments(
            Arena memory,
            int name0,
            MemorySegment value0,
            int name1,
            MemorySegment value1,
            int name2,
            MemorySegment value2) {
        MemorySegment arguments = memory.allocate(3 * ARGUMENT_BYTES, ADDRESS.byteAlignment());
        int[] names = {name0, name1, name2};
        MemorySegment[] values = {value0, value1, value2};
        for (int i = 0; i < names.length; i++) {
            arguments.set(ValueLayout.JAVA_INT, i * ARGUMENT_BYTES, names[i]);
            arguments.set(ADDRESS, i * ARGUMENT_BYTES + ADDRESS.byteSize(), values[i]);
        }
        return arguments;
    }
}
