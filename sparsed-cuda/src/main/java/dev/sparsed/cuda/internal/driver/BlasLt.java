package dev.sparsed.cuda.internal.driver;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.sparsed.BackendUnavailableException;
import java.lang.foreign.MemoryLayout;
import java.lang.invoke.MethodHandle;
import java.util.Collections;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The functions of cublasLt.h that products of 8-bit floats take, through {@code java.lang.foreign}. */
final class BlasLt {

    /** The first version with a scale for every row. */
    static final int OLDEST_VERSION = 120900;

    static final String NONE =
            "8-bit floats need cuBLASLt of CUDA 12.9 or newer: neither such a libcublasLt.so.12 nor a libcublasLt.so.13"
                    + " was found in -D" + BlasLibrary.PROPERTY
                    + ", by the system's loader or in /usr/local/cuda; install it (such as"
                    + " pip install nvidia-cublas) and name the folder that holds it with -D" + BlasLibrary.PROPERTY
                    + "=/path";

    private static @Nullable BlasLt found;

    final String name;
    final int version;
    final MethodHandle create;
    final MethodHandle destroy;
    final MethodHandle createProduct;
    final MethodHandle destroyProduct;
    final MethodHandle setProductAttribute;
    final MethodHandle createLayout;
    final MethodHandle destroyLayout;
    final MethodHandle createPreference;
    final MethodHandle destroyPreference;
    final MethodHandle setPreferenceAttribute;
    final MethodHandle findAlgorithms;
    final MethodHandle multiply;

    private BlasLt(NativeLibrary library) {
        name = library.name();
        try {
            version = (int)
                    library.function("cublasLtGetVersion").invokeExact(); // a size_t of which the lower half is enough
        } catch (Throwable e) {
            throw NativeLibrary.unchecked(e);
        }
        create = library.function("cublasLtCreate", ADDRESS);
        destroy = library.function("cublasLtDestroy", ADDRESS);
        createProduct = library.function("cublasLtMatmulDescCreate", ADDRESS, JAVA_INT, JAVA_INT);
        destroyProduct = library.function("cublasLtMatmulDescDestroy", ADDRESS);
        setProductAttribute = library.function("cublasLtMatmulDescSetAttribute", ADDRESS, JAVA_INT, ADDRESS, JAVA_LONG);
        createLayout =
                library.function("cublasLtMatrixLayoutCreate", ADDRESS, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG);
        destroyLayout = library.function("cublasLtMatrixLayoutDestroy", ADDRESS);
        createPreference = library.function("cublasLtMatmulPreferenceCreate", ADDRESS);
        destroyPreference = library.function("cublasLtMatmulPreferenceDestroy", ADDRESS);
        setPreferenceAttribute =
                library.function("cublasLtMatmulPreferenceSetAttribute", ADDRESS, JAVA_INT, ADDRESS, JAVA_LONG);
        // handle, product, the layouts of A, B, C and D, preference; how many, results, how many there are
        findAlgorithms = library.function("cublasLtMatmulAlgoGetHeuristic", addresses(7, JAVA_INT, ADDRESS, ADDRESS));
        // handle, product, α, A, layout, B, layout, β, C, layout, D, layout, algorithm, workspace; its bytes, stream
        multiply = library.function("cublasLtMatmul", addresses(14, JAVA_LONG, ADDRESS));
    }

    private static MemoryLayout[] addresses(int count, MemoryLayout... rest) {
        return Stream.concat(Collections.nCopies(count, ADDRESS).stream(), Stream.of(rest))
                .toArray(MemoryLayout[]::new);
    }

    /**
     * {@return the library}
     *
     * @throws BackendUnavailableException if there is none that is new enough; the message says what to install
     */
    static synchronized BlasLt get() {
        BlasLt library = found;
        if (library == null) {
            library = find();
            found = library;
        }
        return library;
    }

    /** The newest first: both may be here, and 12 be too old. */
    private static BlasLt find() {
        for (BlasLibrary library : new BlasLibrary[] {BlasLibrary.CUDA_13, BlasLibrary.CUDA_12}) {
            BlasLt lt = library.loadLt().map(BlasLt::new).orElse(null);
            if (lt != null && lt.version >= OLDEST_VERSION) {
                return lt;
            }
        }
        throw new BackendUnavailableException(NONE);
    }
}
