package dev.sparsed.cuda.internal.driver;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.Optional;

/** A shared library called through {@code java.lang.foreign}. Loaded until the process ends, as CUDA's libraries have to be. */
@SuppressWarnings("restricted") // calling native code is its job
final class NativeLibrary {

    private final String name;
    private final SymbolLookup symbols;

    private NativeLibrary(String name, SymbolLookup symbols) {
        this.name = name;
        this.symbols = symbols;
    }

    /** Loads a library that the system's loader finds by its name; empty if it does not. */
    static Optional<NativeLibrary> named(String name) {
        try {
            return Optional.of(new NativeLibrary(name, SymbolLookup.libraryLookup(name, Arena.global())));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    /** Loads a library from a file; empty if there is none, or it lacks something it needs itself. */
    static Optional<NativeLibrary> at(Path file) {
        try {
            return Optional.of(new NativeLibrary(file.toString(), SymbolLookup.libraryLookup(file, Arena.global())));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    /** {@return the name or path it was loaded by} */
    String name() {
        return name;
    }

    /**
     * A function that returns a status as an int; empty if the library does not have it.
     *
     * @param function its name
     * @param parameters its parameters' layouts
     */
    Optional<MethodHandle> find(String function, MemoryLayout... parameters) {
        return symbols.find(function)
                .map(address -> Linker.nativeLinker()
                        .downcallHandle(address, FunctionDescriptor.of(ValueLayout.JAVA_INT, parameters)));
    }

    /**
     * A function that returns a status as an int.
     *
     * @throws IllegalStateException if the library does not have it
     */
    MethodHandle function(String function, MemoryLayout... parameters) {
        return find(function, parameters)
                .orElseThrow(() -> new IllegalStateException(name + " has no function " + function));
    }

    /** What to throw for what a method handle's call threw: a downcall throws nothing that is checked. */
    static RuntimeException unchecked(Throwable e) {
        return switch (e) {
            case RuntimeException runtime -> runtime;
            case Error error -> throw error;
            default -> new IllegalStateException(e);
        };
    }
}
