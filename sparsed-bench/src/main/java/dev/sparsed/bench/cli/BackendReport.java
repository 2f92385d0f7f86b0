package dev.sparsed.bench.cli;

import dev.sparsed.spi.BackendProvider;
import java.util.Comparator;
import java.util.List;
import java.util.ServiceLoader;

/**
 * A backend that was found, and whether it can run here.
 *
 * @param name the name users require it by
 * @param obstacle why it cannot run, empty if it can
 */
record BackendReport(String name, String obstacle) {

    /** {@return all backends on the class path, the one that is preferred first} */
    static List<BackendReport> all() {
        return ServiceLoader.load(BackendProvider.class).stream()
                .map(ServiceLoader.Provider::get)
                .sorted(Comparator.comparingInt(BackendProvider::priority).reversed())
                .map(provider -> new BackendReport(
                        provider.name(), provider.unavailableBecause().orElse("")))
                .toList();
    }

    /** {@return whether it can run here} */
    boolean available() {
        return obstacle.isEmpty();
    }
}
