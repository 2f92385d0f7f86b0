package dev.sparsed.internal.amx;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.sparsed.BackendUnavailableException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.Objects;

/**
 * The compiled kernels of {@code src/main/c}. {@link ProductKernels} and {@link AttentionKernels} have a method for each and check every
 * extent against the memory given before a kernel sees an address.
 */
@SuppressWarnings("restricted") // native access is what this class is for
final class KernelLibrary {

    /**
     * For kernels that touch arrays. The garbage collector waits for them, so they run for about a millisecond at most; the others do not hold
     * it up.
     */
    static final Linker.Option ARRAYS = Linker.Option.critical(true);

    /** The system property that names the folder for the library, in place of the user's cache. */
    static final String CACHE_PROPERTY = "sparsed.amx.cache";

    private final SymbolLookup symbols;

    /**
     * Loads a library; it stays loaded.
     *
     * @param file the compiled kernels
     * @throws BackendUnavailableException if it cannot be loaded
     */
    KernelLibrary(Path file) {
        try {
            symbols = SymbolLookup.libraryLookup(file, Arena.global());
        } catch (IllegalArgumentException e) {
            throw new BackendUnavailableException("the AMX kernels " + file + " cannot be loaded (" + e.getMessage()
                    + "); where the folder is mounted noexec, name another with -D" + CACHE_PROPERTY + "=/path");
        }
    }

    /**
     * {@return where a kernel is}
     *
     * @param name its name without the prefix
     * @throws BackendUnavailableException if the library lacks it
     */
    MemorySegment address(String name) {
        return symbols.find("sparsed_" + name)
                .orElseThrow(() -> new BackendUnavailableException("the AMX kernels lack sparsed_" + name
                        + ": the library is of another version, run src/main/c/build.sh"));
    }

    /**
     * A call of any kernel with such arguments; its first argument is the kernel's address. As a constant it becomes a plain call.
     *
     * @param arguments a letter for each: A for an address, L for a 64-bit integer, F for a float
     * @param options of the call
     * @return the call
     */
    static MethodHandle handle(String arguments, Linker.Option... options) {
        MemoryLayout[] layouts = arguments
                .chars()
                .mapToObj(letter -> letter == 'A' ? ADDRESS : letter == 'L' ? JAVA_LONG : JAVA_FLOAT)
                .toArray(MemoryLayout[]::new);
        return Linker.nativeLinker().downcallHandle(FunctionDescriptor.ofVoid(layouts), options);
    }

    /** Checks that tiles lie in some memory. */
    static void checkTiles(MemorySegment memory, long from, long count) {
        Objects.checkFromIndexSize(from * Tiles.BYTES, count * Tiles.BYTES, memory.byteSize());
    }

    /** {@return what a call threw, to be thrown on} */
    static RuntimeException thrown(Throwable e) {
        return switch (e) {
            case RuntimeException unchecked -> unchecked;
            case Error error -> throw error;
            default -> new IllegalStateException("a call of an AMX kernel failed", e);
        };
    }
}
