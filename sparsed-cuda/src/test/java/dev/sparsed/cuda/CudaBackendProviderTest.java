package dev.sparsed.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.sparsed.BackendUnavailableException;
import dev.sparsed.spi.BackendOptions;
import dev.sparsed.spi.BackendProvider;
import dev.sparsed.spi.DType;
import java.util.ServiceLoader;
import org.junit.jupiter.api.Test;

class CudaBackendProviderTest {

    private final BackendProvider cuda = ServiceLoader.load(BackendProvider.class).stream()
            .map(ServiceLoader.Provider::get)
            .filter(provider -> provider.name().equals("cuda"))
            .findFirst()
            .orElseThrow();

    @Test
    void isPreferredToTheBackendsOnTheCpu() {
        assertThat(ServiceLoader.load(BackendProvider.class))
                .hasSizeGreaterThan(1)
                .filteredOn(provider -> !provider.name().equals("cuda"))
                .allSatisfy(other -> assertThat(other.priority()).isLessThan(cuda.priority()));
    }

    @Test
    void refusesToOpenWithTheReasonItGivesWhereThereIsNoGpu() {
        assumeThat(cuda.unavailableBecause()).isPresent();
        assertThat(cuda.unavailableBecause().orElseThrow()).containsAnyOf("install", "update", "use another backend");
        assertThatThrownBy(() -> cuda.open(new BackendOptions(1, DType.F32)))
                .isInstanceOf(BackendUnavailableException.class)
                .hasMessage(cuda.unavailableBecause().orElseThrow());
    }
}
