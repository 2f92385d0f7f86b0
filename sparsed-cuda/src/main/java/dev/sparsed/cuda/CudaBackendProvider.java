package dev.sparsed.cuda;

import dev.sparsed.BackendUnavailableException;
import dev.sparsed.cuda.internal.CudaBackend;
import dev.sparsed.cuda.internal.driver.Blas;
import dev.sparsed.cuda.internal.driver.CudaAvailability;
import dev.sparsed.spi.Backend;
import dev.sparsed.spi.BackendOptions;
import dev.sparsed.spi.BackendProvider;
import dev.sparsed.spi.Quantization;
import java.util.EnumSet;
import java.util.Optional;

/** Offers the CUDA backend, on the machine's first GPU. */
public final class CudaBackendProvider implements BackendProvider {

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
        return CudaAvailability.unavailableBecause().or(Blas::unavailableBecause);
    }

    @Override
    public Backend open(BackendOptions options) {
        unavailableBecause().ifPresent(reason -> {
            throw new BackendUnavailableException(reason);
        });
        options.requireQuantization(name(), EnumSet.of(Quantization.FP8));
        return new CudaBackend(options.dtype(), options.quantization());
    }
}
