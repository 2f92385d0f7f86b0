package dev.sparsed.bench.peers;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.sparsed.BackendUnavailableException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** OpenBLAS's single-precision matrix product, called through {@code java.lang.foreign}. */
@SuppressWarnings("restricted") // native access is what this class is for
final class OpenBlas {

    private static final List<String> NAMES =
            List.of("libopenblas.so.0", "libopenblas.so", "libopenblas.dylib", "libopenblas.dll", "openblas.dll");

    private static final int ROW_MAJOR = 101;
    private static final int AS_IS = 111;
    private static final int TRANSPOSED = 112;

    private final String description;
    private final MethodHandle setThreads;
    private final MethodHandle sgemm;

    private OpenBlas(String name, SymbolLookup found) {
        Linker linker = Linker.nativeLinker();
        setThreads = linker.downcallHandle(
                symbol(found, name, "openblas_set_num_threads"), FunctionDescriptor.ofVoid(JAVA_INT));
        // cblas_sgemm(order, transA, transB, m, n, k, alpha, A, lda, B, ldb, beta, C, ldc)
        sgemm = linker.downcallHandle(
                symbol(found, name, "cblas_sgemm"),
                FunctionDescriptor.ofVoid(
                        JAVA_INT,
                        JAVA_INT,
                        JAVA_INT,
                        JAVA_INT,
                        JAVA_INT,
                        JAVA_INT,
                        JAVA_FLOAT,
                        ADDRESS,
                        JAVA_INT,
                        ADDRESS,
                        JAVA_INT,
                        JAVA_FLOAT,
                        ADDRESS,
                        JAVA_INT));
        description = found.find("openblas_get_config")
                .map(address -> text(linker.downcallHandle(address, FunctionDescriptor.of(ADDRESS))))
                .orElse(name);
    }

    /**
     * Loads the library. It stays loaded: its threads outlive every call, and unloading their code would crash the
     * process.
     *
     * @param path where it is, or null to look where the system looks
     * @return the library
     * @throws BackendUnavailableException if there is none, or if it is another library
     */
    static OpenBlas load(@Nullable Path path) {
        if (path != null) {
            try {
                return new OpenBlas(path.toString(), SymbolLookup.libraryLookup(path.toAbsolutePath(), Arena.global()));
            } catch (IllegalArgumentException e) {
                throw new BackendUnavailableException("--library " + path
                        + " cannot be loaded: it must be OpenBLAS, built for this processor (" + e.getMessage() + ")");
            }
        }
        for (String name : NAMES) {
            try {
                return new OpenBlas(name, SymbolLookup.libraryLookup(name, Arena.global()));
            } catch (IllegalArgumentException e) {
                continue; // not under this name
            }
        }
        throw new BackendUnavailableException("there is no OpenBLAS to compare with (looked for "
                + String.join(", ", NAMES)
                + "): install it, on Debian and Ubuntu with apt-get install libopenblas0-pthread, or name the file"
                + " with --library");
    }

    private static MemorySegment symbol(SymbolLookup found, String library, String name) {
        return found.find(name)
                .orElseThrow(() ->
                        new BackendUnavailableException(library + " has no function " + name + ": it is not OpenBLAS"));
    }

    private static String text(MethodHandle getConfig) {
        try {
            MemorySegment text = (MemorySegment) getConfig.invokeExact();
            return text.reinterpret(1024).getString(0).strip();
        } catch (Throwable e) {
            throw thrown(e);
        }
    }

    /** {@return version and build options, as OpenBLAS tells them} */
    String description() {
        return description;
    }

    /**
     * How many threads work on the products to come.
     *
     * @param threads ≥ 1
     */
    void setThreads(int threads) {
        try {
            setThreads.invokeExact(threads);
        } catch (Throwable e) {
            throw thrown(e);
        }
    }

    /**
     * {@code out = x·wᵀ}.
     *
     * @param shape extents
     * @param x {@code [rows, in]}
     * @param w {@code [out, in]}
     * @param out {@code [rows, out]}
     */
    void linear(MatrixShape shape, MemorySegment x, MemorySegment w, MemorySegment out) {
        check(x, (long) shape.rows() * shape.in());
        check(w, (long) shape.out() * shape.in());
        check(out, (long) shape.rows() * shape.out());
        try {
            sgemm.invokeExact(
                    ROW_MAJOR,
                    AS_IS,
                    TRANSPOSED,
                    shape.rows(),
                    shape.out(),
                    shape.in(),
                    1f,
                    x,
                    shape.in(),
                    w,
                    shape.in(),
                    0f,
                    out,
                    shape.out());
        } catch (Throwable e) {
            throw thrown(e);
        }
    }

    private static void check(MemorySegment matrix, long elements) {
        if (matrix.byteSize() < elements * ValueLayout.JAVA_FLOAT.byteSize()) {
            throw new IllegalArgumentException(
                    "a matrix of " + elements + " floats does not fit in " + matrix.byteSize() + " bytes");
        }
    }

    private static RuntimeException thrown(Throwable e) {
        return switch (e) {
            case RuntimeException unchecked -> unchecked;
            case Error error -> throw error;
            default -> new IllegalStateException("a call of OpenBLAS failed", e);
        };
    }
}
