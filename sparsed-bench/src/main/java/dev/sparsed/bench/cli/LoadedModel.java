package dev.sparsed.bench.cli;

import dev.sparsed.DiffusionModel;
import dev.sparsed.bench.DemoModel;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * A model and what has to be closed after it.
 *
 * @param model the model
 * @param folder where it was loaded from
 * @param demo the demo model's folder, null if it is another model
 */
record LoadedModel(
        DiffusionModel model, Path folder, @Nullable DemoModel demo) implements AutoCloseable {

    @Override
    public void close() {
        try (demo) { // closed last: its files are mapped until the model is closed
            model.close();
        }
    }
}
