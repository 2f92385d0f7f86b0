package dev.sparsed.internal.amx;

import dev.sparsed.BackendInfo;
import dev.sparsed.BackendUnavailableException;
import dev.sparsed.internal.vector.VectorBackendProvider;
import dev.sparsed.natives.NativeCache;
import dev.sparsed.spi.Backend;
import dev.sparsed.spi.BackendOptions;
import dev.sparsed.spi.BackendProvider;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.Quantization;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Offers the AMX backend, which computes linear layers and attention in bf16 with float32 sums. Where float32 is asked for, it opens the
 * vector backend in its place.
 */
public final class AmxBackendProvider implements BackendProvider {

    private static final System.Logger LOGGER = System.getLogger("dev.sparsed");

    private static final String LIBRARY = "libsparsed_amx.so";

    private final BackendProvider vectors = new VectorBackendProvider();

    /** For {@link java.util.ServiceLoader}. */
    public AmxBackendProvider() {}

    @Override
    public String name() {
        return "amx";
    }

    @Override
    public int priority() {
        return 150;
    }

    @Override
    public Optional<String> unavailableBecause() {
        Optional<String> obstacle = AmxCpu.unavailableBecause();
        if (obstacle.isEmpty()) {
            obstacle = vectors.unavailableBecause();
        }
        if (obstacle.isEmpty()) {
            obstacle = cannotLoad(AmxBackendProvider::library);
        }
        return obstacle;
    }

    /**
     * {@return why the kernels cannot be loaded, if they cannot} A warning says so: the processor has the unit, and without them a model runs at
     * a fraction of the speed.
     *
     * @param library the kernels, in a file; throws if there is none
     */
    static Optional<String> cannotLoad(Supplier<Path> library) {
        try {
            new KernelLibrary(library.get());
            return Optional.empty();
        } catch (BackendUnavailableException e) {
            LOGGER.log(System.Logger.Level.WARNING, "backend amx cannot be used: {0}", e.getMessage());
            return Optional.of(e.getMessage());
        }
    }

    /** {@return the kernels, in a file} */
    static Path library() {
        return NativeCache.ofUser(KernelLibrary.CACHE_PROPERTY).extract(AmxBackendProvider.class, LIBRARY);
    }

    @Override
    public Backend open(BackendOptions options) {
        unavailableBecause().ifPresent(reason -> {
            throw new BackendUnavailableException("the AMX backend cannot run: " + reason);
        });
        return options.dtype() == DType.F32 ? vectors.open(options) : open(options, library());
    }

    /**
     * Opens the backend with other kernels, such as those on emulated tiles.
     *
     * @param options how
     * @param library the compiled kernels
     * @return the backend
     */
    static Backend open(BackendOptions options, Path library) {
        options.requireQuantization("amx", EnumSet.of(Quantization.INT8));
        boolean int8 = options.quantization() == Quantization.INT8;
        BackendInfo info = new BackendInfo(
                "amx",
                "AMX tiles, " + (int8 ? "8-bit integers and bf16" : "bf16") + "; the rest on the Vector API",
                options.threads(),
                "linear layers keep a second, packed copy of weights" + (int8 ? ", in 8-bit integers" : ""));
        return new AmxBackend(info, options.quantization(), new KernelLibrary(library));
    }
}
