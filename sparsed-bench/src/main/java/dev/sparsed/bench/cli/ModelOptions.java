package dev.sparsed.bench.cli;

import dev.sparsed.CheckpointException;
import dev.sparsed.DiffusionModel;
import dev.sparsed.LoadOptions;
import dev.sparsed.bench.DemoModel;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Which model, on what. */
final class ModelOptions {

    @Option(
            names = {"-m", "--model"},
            paramLabel = "FOLDER",
            description = "The model: a Hugging Face folder with config.json, *.safetensors and tokenizer.json."
                    + " Default: the demo model that comes along.")
    private @Nullable Path folder;

    @Mixin
    private DeviceOptions device = new DeviceOptions();

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
        LoadOptions options = device.loadOptions(contextLength);
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
