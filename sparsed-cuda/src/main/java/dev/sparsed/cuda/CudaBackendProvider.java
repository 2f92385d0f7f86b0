package dev.sparsed.cuda;

import dev.sparsed.BackendUnavailableException;
import dev.sparsed.spi.Backend;
import dev.sparsed.spi.BackendOptions;
import dev.sparsed.spi.BackendProvider;
import java.util.Optional;

/** Offers the CUDA backend; for now it can only say that there is none yet. */
public final class CudaBackendProvider implements BackendProvider {

    private static final String REASON =
            "this version of sparsed-cuda has no CUDA kernels yet, whatever GPU the machine has; "
                    + "use the backend \"vector\" (needs --add-modules jdk.incubator.vector) or \"scalar\"";

    /** For {@link java.util.ServiceLoader}. */
    public CudaBackendProvider() {}

    @Override
    public String name() {
        return "cuda";
    }

    @Override
    public int priority() {
        return 200;
    }

    @Override
    public Optional<String> unavailableBecause() {
        return Optional.of(REASON);
    }

    @Override
    public Backend open(BackendOptions options) {
        throw new BackendUnavailableException(REASON);
    }
}
