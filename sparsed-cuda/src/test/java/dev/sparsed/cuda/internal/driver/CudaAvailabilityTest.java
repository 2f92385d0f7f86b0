package dev.sparsed.cuda.internal.driver;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

class CudaAvailabilityTest {

    private static final int NO_DEVICE = 100;
    private static final int SYSTEM_DRIVER_MISMATCH = 803;

    @Test
    void isThereOnAnAmpereWithADriverOfCuda12() {
        assertThat(problem(12000, 0, 1, 80)).isEmpty();
        assertThat(problem(13000, 0, 8, 90)).isEmpty();
    }

    @Test
    void saysWhatIsMissing() {
        assertThat(problem(13000, NO_DEVICE, 0, 0)).hasValueSatisfying(sentence("sees no GPU", "--gpus all"));
        assertThat(problem(13000, 0, 0, 0)).hasValueSatisfying(sentence("sees no GPU", "CUDA_VISIBLE_DEVICES"));
        assertThat(problem(13000, SYSTEM_DRIVER_MISMATCH, 0, 0))
                .hasValueSatisfying(sentence("CUDA_ERROR_SYSTEM_DRIVER_MISMATCH (803)", "nvidia-smi"));
        assertThat(problem(11080, 0, 1, 90)).hasValueSatisfying(sentence("CUDA 11.8", "12.0", "update the driver"));
        assertThat(problem(12040, 0, 1, 75)).hasValueSatisfying(sentence("7.5", "8.0 (Ampere)", "another backend"));
    }

    @Test
    void saysWhichPlatformsThereAre() {
        assertThat(CudaAvailability.platformProblem("Linux", "amd64")).isEmpty();
        assertThat(CudaAvailability.platformProblem("Linux", "aarch64"))
                .hasValueSatisfying(sentence("Linux on x86-64 only", "aarch64"));
        assertThat(CudaAvailability.platformProblem("Mac OS X", "x86_64")).hasValueSatisfying(sentence("Mac OS X"));
    }

    /** Whatever this machine has, asking does not fail, and the answer is the same each time. */
    @Test
    void canAlwaysBeAsked() {
        Optional<String> reason = CudaAvailability.unavailableBecause();
        assertThat(CudaAvailability.unavailableBecause()).isSameAs(reason);
        if (!Files.exists(Path.of("/dev/nvidiactl")) && reason.isPresent()) {
            assertThat(reason.get())
                    .containsAnyOf("no NVIDIA driver", "no GPU", "Linux on x86-64 only", "does not start");
        }
    }

    private static Optional<String> problem(int driver, int init, int devices, int computeCapability) {
        return CudaAvailability.problem(new CudaAvailability.Facts(driver, init, devices, computeCapability));
    }

    private static Consumer<String> sentence(String... parts) {
        return reason -> assertThat(reason).contains(parts).doesNotContain("\n");
    }
}
