package dev.sparsed.internal.vector;

import dev.sparsed.BackendInfo;
import dev.sparsed.BackendUnavailableException;
import dev.sparsed.internal.cpu.CpuBackend;
import dev.sparsed.spi.Backend;
import dev.sparsed.spi.BackendOptions;
import dev.sparsed.spi.BackendProvider;
import java.util.Optional;
import java.util.Set;

/**
 * Offers the Vector API backend. This class itself must load without {@code jdk.incubator.vector}, which only a
 * command-line option adds to a JVM; {@link VectorKernels} is first touched in {@link #open}.
 */
public final class VectorBackendProvider implements BackendProvider {

    /**
     * HotSpot's name for what C2 compiles to; below it, vectors are objects on the heap and the kernels slower than
     * plain Java.
     */
    private static final int C2_LEVEL = 4;

    /** For {@link java.util.ServiceLoader}. */
    public VectorBackendProvider() {}

    @Override
    public String name() {
        return "vector";
    }

    @Override
    public int priority() {
        return 100;
    }

    @Override
    public Optional<String> unavailableBecause() {
        if (ModuleLayer.boot().findModule("jdk.incubator.vector").isEmpty()) {
            return Optional.of("the module jdk.incubator.vector is not resolved; start java with"
                    + " --add-modules jdk.incubator.vector");
        }
        String mode = System.getProperty("java.vm.info", "");
        if (mode.contains("interpreted mode")) {
            return Optional.of(
                    "this JVM only interprets, and vectors are fast only when compiled; start java without -Xint");
        }
        if (mode.contains("emulated-client") || tieredStopAtLevel() < C2_LEVEL) {
            return Optional.of(
                    "this JVM runs without its optimizing compiler C2, which alone compiles vectors; start java without"
                            + " -XX:TieredStopAtLevel=" + tieredStopAtLevel() + " or -XX:CompilationMode=quick-only");
        }
        return Optional.empty();
    }

    /**
     * HotSpot's option, by reflection because neither its management module nor HotSpot need be there; {@link
     * #C2_LEVEL} if not.
     */
    private static int tieredStopAtLevel() {
        try {
            Class<?> type = Class.forName("com.sun.management.HotSpotDiagnosticMXBean");
            Object bean = Class.forName("java.lang.management.ManagementFactory")
                    .getMethod("getPlatformMXBean", Class.class)
                    .invoke(null, type);
            Object option = type.getMethod("getVMOption", String.class).invoke(bean, "TieredStopAtLevel");
            return Integer.parseInt(
                    (String) option.getClass().getMethod("getValue").invoke(option));
        } catch (ReflectiveOperationException | RuntimeException e) {
            return C2_LEVEL;
        }
    }

    @Override
    public Backend open(BackendOptions options) {
        unavailableBecause().ifPresent(reason -> {
            throw new BackendUnavailableException("the vector backend cannot run: " + reason);
        });
        options.requireQuantization(name(), Set.of());
        BackendInfo info = new BackendInfo(name(), VectorKernels.device(), options.threads(), "");
        return new CpuBackend(info, VectorKernels::new);
    }
}
