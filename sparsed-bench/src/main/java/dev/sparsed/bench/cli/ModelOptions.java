package dev.sparsed.bench.cli;

import dev.sparsed.CheckpointException;
import dev.sparsed.DiffusionModel;
import dev.sparsed.LoadOptions;
import dev.sparsed.bench.DemoModel;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.Quantization;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which model, on what. */
final class ModelOptions {

    @Option(
            names = {"-m", "--model"},
            paramLabel = "FOLDER",
            description = "The model: a Hugging Face folder with config.json, *.safetensors and tokenizer.json."
                    + " Default: the demo model that comes along.")
    private @Nullable Path folder;

    @Option(
            names = "--backend",
            paramLabel = "NAME",
            defaultValue = "auto",
            description = "auto, vector, scalar or cuda; auto takes the fastest that runs here, a name is required."
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
            description = "What a GPU computes in: F32 or BF16. Default: F32 where the weights are, else BF16.")
    private @Nullable DType dtype;

    @Option(
            names = "--quantization",
            paramLabel = "KIND",
            defaultValue = "none",
            description =
                    "none, or fp8: 8-bit floats for the linear layers, on GPUs that multiply them; faster, less exact."
                            + " Default: ${DEFAULT-VALUE}.")
    private Quantization quantization = Quantization.NONE;

    @Option(
            names = "--context-length",
            paramLabel = "N",
            defaultValue = "0",
            description = "The longest canvas (prompt and generation) to prepare for; 0 for the model's."
                    + " Default: ${DEFAULT-VALUE}.")
    private int contextLength;

    /**
     * Loads the model.
     *
     * @return the model; the caller closes it
     * @throws CheckpointException if there is none in the folder
     * @throws dev.sparsed.BackendUnavailableException if the required backend cannot run here
     */
    LoadedModel load() {
        LoadOptions options = new LoadOptions(backend, threads, contextLength, dtype, quantization);
        if (folder != null) {
            if (!Files.isDirectory(folder)) {
                throw new CheckpointException(folder + ": no such folder; --model names one with config.json in it");
            }
            return new LoadedModel(DiffusionModel.load(folder, options), folder, null);
        }
        DemoModel demo = DemoModel.open();
        try {
            return new LoadedModel(DiffusionModel.load(demo.folder(), options), demo.folder(), demo);
        } catch (Throwable e) { // an Error too: the temporary folder must not stay
            demo.close();
            throw e;
        }
    }
}
