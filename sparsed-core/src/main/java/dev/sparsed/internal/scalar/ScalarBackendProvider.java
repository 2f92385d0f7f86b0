package dev.sparsed.internal.scalar;

import dev.sparsed.BackendInfo;
import dev.sparsed.internal.cpu.CpuBackend;
import dev.sparsed.spi.Backend;
import dev.sparsed.spi.BackendOptions;
import dev.sparsed.spi.BackendProvider;
import java.util.Optional;
import java.util.Set;

/** Offers the scalar backend, which runs everywhere. */
public final class ScalarBackendProvider implements BackendProvider {

    /** For {@link java.util.ServiceLoader}. */
    public ScalarBackendProvider() {}

    @Override
    public String name() {
        return "scalar";
    }

    @Override
    public int priority() {
        return 0;
    }

    @Override
    public Optional<String> unavailableBecause() {
        return Optional.empty();
    }

    @Override
    public Backend open(BackendOptions options) {
        options.requireQuantization(name(), Set.of());
        BackendInfo info = new BackendInfo(name(), "plain Java (the reference, slow)", options.threads(), "");
        return new CpuBackend(info, ScalarKernels::new);
    }
}
