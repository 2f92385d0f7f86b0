package dev.sparsed;

import dev.sparsed.spi.Backend;
import dev.sparsed.spi.BackendOptions;
import dev.sparsed.spi.BackendProvider;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.Quantization;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.stream.Collectors;

/** Finds backends and picks one. */
final class Backends {

    private static final System.Logger LOGGER = System.getLogger("dev.sparsed");

    private Backends() {}

    /**
     * Opens the backend the options ask for.
     *
     * @param options name, threads, dtype
     * @param weights type of the checkpoint's weights
     * @return the backend
     * @throws BackendUnavailableException if a required backend is not there or cannot run here
     */
    static Backend open(LoadOptions options, DType weights) {
        List<BackendProvider> byPriority =
                ServiceLoader.load(BackendProvider.class, Backends.class.getClassLoader()).stream()
                        .map(ServiceLoader.Provider::get)
                        .sorted(Comparator.comparingInt(BackendProvider::priority)
                                .reversed())
                        .toList();
        int threads =
                options.threads() > 0 ? options.threads() : Runtime.getRuntime().availableProcessors();
        BackendOptions backendOptions = new BackendOptions(threads, dtype(options, weights), options.quantization());
        return options.backend().equals("auto")
                ? best(byPriority, backendOptions)
                : required(byPriority, options.backend(), backendOptions);
    }

    private static DType dtype(LoadOptions options, DType weights) {
        if (options.dtype() != null) {
            return options.dtype();
        }
        return weights == DType.F32 && options.quantization() == Quantization.NONE ? DType.F32 : DType.BF16;
    }

    private static Backend best(List<BackendProvider> byPriority, BackendOptions options) {
        for (BackendProvider provider : byPriority) {
            Optional<String> obstacle = provider.unavailableBecause();
            if (obstacle.isEmpty()) {
                return provider.open(options);
            }
            // A missing GPU is normal; a missing JVM flag costs a factor of ten or more on every machine.
            System.Logger.Level level =
                    provider.name().equals("vector") ? System.Logger.Level.WARNING : System.Logger.Level.DEBUG;
            LOGGER.log(level, "backend {0} is not used: {1}", provider.name(), obstacle.get());
        }
        throw new BackendUnavailableException(
                "no backend found: META-INF/services of sparsed-core is not on the class path");
    }

    private static Backend required(List<BackendProvider> byPriority, String name, BackendOptions options) {
        for (BackendProvider provider : byPriority) {
            if (provider.name().equals(name)) {
                Optional<String> obstacle = provider.unavailableBecause();
                if (obstacle.isPresent()) {
                    throw new BackendUnavailableException("backend " + name + " was required: " + obstacle.get());
                }
                return provider.open(options);
            }
        }
        String known = byPriority.stream().map(BackendProvider::name).collect(Collectors.joining(", "));
        throw new BackendUnavailableException("backend " + name + " was required, found are: " + known
                + (name.equals("cuda") ? "; add dev.sparsed:sparsed-cuda to the class path" : ""));
    }
}
