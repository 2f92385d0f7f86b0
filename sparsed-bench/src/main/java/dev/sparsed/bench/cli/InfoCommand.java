package dev.sparsed.bench.cli;

import dev.sparsed.BackendInfo;
import dev.sparsed.ModelInfo;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.ParentCommand;

/** Says what the model is and what it runs on. */
@Command(
        name = "info",
        sortOptions = false,
        abbreviateSynopsis = true,
        mixinStandardHelpOptions = true,
        description = "Show the model, the backend that runs it, the others, and the machine.")
final class InfoCommand implements Callable<Integer> {

    @ParentCommand
    private @Nullable Main main;

    @Mixin
    private ModelOptions model = new ModelOptions();

    @Override
    public Integer call() {
        PrintWriter out = main.shell().out();
        printMachine(out); // before loading: it helps where loading fails
        printBackends(out);
        try (LoadedModel loaded = model.load()) {
            printBackend(loaded.model().backend(), out);
            printModel(loaded, out);
        }
        return 0;
    }

    private static void printMachine(PrintWriter out) {
        CpuFeatures cpu = CpuFeatures.detect();
        Runtime runtime = Runtime.getRuntime();
        print(out, "machine", "");
        print(out, "  processor", cpu.name() + ", " + runtime.availableProcessors() + " processors for this JVM");
        print(out, "  features", cpu.features().isEmpty() ? "unknown" : String.join(" ", cpu.features()));
        print(
                out,
                "  system",
                System.getProperty("os.name") + " " + System.getProperty("os.version") + ", "
                        + System.getProperty("os.arch"));
        print(
                out,
                "  Java",
                System.getProperty("java.version") + ", " + System.getProperty("java.vm.name") + " "
                        + System.getProperty("java.vm.version") + ", " + System.getProperty("java.vm.vendor"));
        print(out, "  largest heap", Texts.bytes(runtime.maxMemory()));
    }

    private static void printBackends(PrintWriter out) {
        print(out, "backends", "");
        for (BackendReport backend : BackendReport.all()) {
            print(
                    out,
                    "  " + backend.name(),
                    backend.available() ? "available" : "not available: " + backend.obstacle());
        }
    }

    private static void printBackend(BackendInfo backend, PrintWriter out) {
        print(out, "in use", backend.name());
        print(out, "  device", backend.device());
        print(out, "  threads", String.valueOf(backend.threads()));
        if (!backend.notes().isEmpty()) {
            print(out, "  notes", backend.notes());
        }
    }

    private static void printModel(LoadedModel loaded, PrintWriter out) {
        ModelInfo info = loaded.model().info();
        WeightSummary weights = WeightSummary.of(loaded.folder());
        print(out, "model", loaded.demo() == null ? loaded.folder().toString() : "demo model (embedded)");
        print(out, "  family", info.family());
        print(
                out,
                "  parameters",
                Texts.count(weights.parameters()) + " in " + Texts.bytes(weights.bytes()) + ", " + weights.tensors());
        print(out, "  layers", String.valueOf(info.layers()));
        print(out, "  hidden size", Texts.count(info.hiddenSize()));
        print(
                out,
                "  heads",
                String.format(
                        Locale.ROOT,
                        "%d query, %d key/value, dimension %d",
                        info.heads().queryHeads(),
                        info.heads().keyValueHeads(),
                        info.heads().headDim()));
        print(out, "  MLP size", Texts.count(info.mlpSize()));
        print(out, "  vocabulary", Texts.count(info.vocabularySize()));
        print(out, "  context", Texts.count(info.contextLength()) + " tokens");
        print(out, "  mask token", String.valueOf(info.maskToken()));
    }

    private static void print(PrintWriter out, String key, String value) {
        out.println(String.format(Locale.ROOT, "%-15s %s", key, value).stripTrailing());
    }
}
