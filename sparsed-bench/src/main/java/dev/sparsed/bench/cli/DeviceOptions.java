package dev.sparsed.bench.cli;

import dev.sparsed.LoadOptions;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.Quantization;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What to compute on. */
final class DeviceOptions {

    @Option(
            names = "--backend",
            paramLabel = "NAME",
            defaultValue = "auto",
            description =
                    "auto, amx, vector, scalar or cuda; auto takes the fastest that runs here, a name is required."
                            + " Default: ${DEFAULT-VALUE}.")
    private String backend = "auto";

    @Option(
            names = {"-t", "--threads"},
            paramLabel = "N",
            defaultValue = "0",
            description = "Threads that work on one operation; 0 for all processors. Default: ${DEFAULT-VALUE}.")
    private int threads;

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            description = "What a GPU or AMX computes in: F32 or BF16. Default: F32 where the weights are, else BF16.")
    private @Nullable DType dtype;

    @Option(
            names = "--quantization",
            paramLabel = "KIND",
            defaultValue = "none",
            description =
                    "none; fp8, 8-bit floats for the linear layers, and for block-sparse attention where there is a kernel,"
                            + " on GPUs that multiply them; or int8, 8-bit integers for the linear layers, on AMX."
                            + " Faster, less exact. Default: ${DEFAULT-VALUE}.")
    private Quantization quantization = Quantization.NONE;

    /**
     * {@return how to load a model}
     *
     * @param contextLength the longest canvas to prepare for; 0 for the model's
     */
    LoadOptions loadOptions(int contextLength) {
        return new LoadOptions(backend, threads, contextLength, dtype, quantization);
    }
}
