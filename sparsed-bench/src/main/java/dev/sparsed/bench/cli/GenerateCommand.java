package dev.sparsed.bench.cli;

import dev.sparsed.DiffusionModel;
import dev.sparsed.GenerationRequest;
import dev.sparsed.GenerationResult;
import java.io.PrintWriter;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** Generates an answer. Standard output carries the answer alone; a terminal also sees how it comes about. */
@Command(
        name = "generate",
        sortOptions = false,
        abbreviateSynopsis = true,
        mixinStandardHelpOptions = true,
        description = "Denoise an answer to a prompt.",
        footer = {
            "",
            "Example: sparsed generate --prompt 195351+5= --gen-length 16",
            "Example: sparsed generate --prompt 195351+5= --infill [MASK*6]<|eot_id|>",
            "Example: sparsed generate -m LLaDA-8B-Instruct -f question.txt --gen-length 256 --block-length 32 --policy sparsed"
        })
final class GenerateCommand implements Callable<Integer> {

    @ParentCommand
    private @Nullable Main main;

    @Mixin
    private PromptOptions prompt = new PromptOptions();

    @Mixin
    private LengthOptions length = new LengthOptions();

    @Mixin
    private SamplingOptions sampling = new SamplingOptions();

    @Mixin
    private TokenOptions tokens = new TokenOptions();

    @Mixin
    private ModelOptions model = new ModelOptions();

    @Mixin
    private ViewOptions view = new ViewOptions();

    @Mixin
    private OutputOptions output = new OutputOptions();

    @Option(
            names = "--completions",
            paramLabel = "N",
            defaultValue = "1",
            description = "So many answers, with --seed, the seed after it, and so on. Default: ${DEFAULT-VALUE}.")
    private int completions;

    @Option(names = "--stats", description = "Print a table of steps and times to standard error.")
    private boolean stats;

    @Option(
            names = {"-v", "--verbose"},
            description = "As --stats, and the density of every layer.")
    private boolean verbose;

    @Override
    public Integer call() {
        if (completions < 1) {
            throw new IllegalArgumentException("--completions = " + completions + ": must be at least 1");
        }
        GenerationRequest.Builder request = GenerationRequest.builder();
        length.apply(request);
        sampling.apply(request);
        prompt.apply(request, main.shell());
        if (!tokens.givesLength()) {
            request.build(); // a wrong option should not have to wait for a model
        }
        try (LoadedModel loaded = model.load()) {
            tokens.apply(request, loaded.model()::tokenizer);
            long seed = request.build().seed();
            for (int i = 0; i < completions; i++) {
                complete(loaded.model(), request.seed(seed + i).build());
            }
        }
        return 0;
    }

    private void complete(DiffusionModel loaded, GenerationRequest request) {
        AnswerScreen screen = new AnswerScreen(main.shell(), view);
        GenerationResult result = output.isText()
                ? screen.generate(loaded, request, main.interruption()::following)
                : loaded.generate(request, main.interruption().listener());
        if (output.isText()) {
            screen.print(prompt.givenAsTokens() ? loaded.tokenizer().text(result.tokens()) : result.text());
        } else {
            String text = prompt.givenAsTokens() ? null : result.text();
            main.shell().print(output.line(result, text, request.seed()));
        }
        printReport(loaded, result, main.shell().err());
    }

    private void printReport(DiffusionModel loaded, GenerationResult result, PrintWriter err) {
        if (output.logProbabilities()) {
            OutputOptions.logProbabilities(result, loaded.tokenizer()).forEach(err::println);
        }
        if (stats || verbose) {
            Report.table(result).forEach(err::println);
        } else {
            err.println(Report.line(result));
        }
        if (verbose) {
            Report.densities(result).forEach(err::println);
        }
    }
}
