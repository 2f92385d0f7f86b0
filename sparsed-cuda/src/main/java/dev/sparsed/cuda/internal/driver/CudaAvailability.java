package dev.sparsed.cuda.internal.driver;

import java.util.Optional;
import jcuda.driver.CUresult;

/** Whether CUDA can be used here, and if not the exact reason and remedy. Extracts nothing and opens no context. */
public final class CudaAvailability {

    /** Ampere: the first with {@code cp.async} and bf16 {@code mma.sync}, which the kernels use. */
    public static final int OLDEST_COMPUTE_CAPABILITY = 80;

    /** CUDA 12.0: what JCuda 12's natives and the kernels' PTX need at least. */
    static final int OLDEST_DRIVER = 12000;

    /**
     * What the driver said.
     *
     * @param driverVersion its CUDA version, 1000 × major + 10 × minor
     * @param initCode what cuInit returned
     * @param devices how many there are
     * @param computeCapability the first one's, 10 × major + minor
     */
    record Facts(int driverVersion, int initCode, int devices, int computeCapability) {}

    private CudaAvailability() {}

    /** {@return why CUDA cannot be used here and what to do, in a sentence; empty if it can} */
    public static Optional<String> unavailableBecause() {
        return Holder.REASON;
    }

    /** Asked once: the answer does not change while the process runs, since cuInit's does not. */
    private static final class Holder {
        static final Optional<String> REASON = ask();

        private static Optional<String> ask() {
            Optional<String> platform = platformProblem(System.getProperty("os.name"), System.getProperty("os.arch"));
            if (platform.isPresent()) {
                return platform;
            }
            return CudaDriverLibrary.load()
                    .map(driver -> problem(CudaDriverLibrary.facts(driver)))
                    .orElse(
                            Optional.of(
                                    "no NVIDIA driver: " + CudaDriverLibrary.NAME + " was not found; install NVIDIA's "
                                            + "driver for the GPU (in a container: start it with --gpus all), or use another backend"));
        }
    }

    static Optional<String> platformProblem(String system, String architecture) {
        return system.equals("Linux") && (architecture.equals("amd64") || architecture.equals("x86_64"))
                ? Optional.empty()
                : Optional.of("JCuda's native libraries exist for Linux on x86-64 only, and this is " + system + " on "
                        + architecture + "; use another backend");
    }

    static Optional<String> problem(Facts facts) {
        if (facts.initCode() == CUresult.CUDA_ERROR_NO_DEVICE || (facts.initCode() == 0 && facts.devices() == 0)) {
            return Optional.of(
                    "the NVIDIA driver sees no GPU: check nvidia-smi and CUDA_VISIBLE_DEVICES (in a container: "
                            + "start it with --gpus all), or use another backend");
        }
        if (facts.initCode() != CUresult.CUDA_SUCCESS) {
            return Optional.of("the NVIDIA driver does not start: cuInit returned "
                    + CUresult.stringFor(facts.initCode()) + " (" + facts.initCode()
                    + "); check nvidia-smi, reload or update the driver");
        }
        if (facts.driverVersion() < OLDEST_DRIVER) {
            return Optional.of("the NVIDIA driver is too old: it supports CUDA "
                    + PtxIsa.cudaVersion(facts.driverVersion()) + ", and at least " + PtxIsa.cudaVersion(OLDEST_DRIVER)
                    + " is needed; update the driver to 525 or newer");
        }
        if (facts.computeCapability() < OLDEST_COMPUTE_CAPABILITY) {
            return Optional.of("the GPU is too old: its compute capability is " + facts.computeCapability() / 10 + "."
                    + facts.computeCapability() % 10 + ", and at least 8.0 (Ampere) is needed; choose another GPU with "
                    + "CUDA_VISIBLE_DEVICES, or use another backend");
        }
        return Optional.empty();
    }
}
