package dev.sparsed.bench.cli;

import dev.sparsed.DiffusionModel;
import dev.sparsed.GenerationListener;
import dev.sparsed.GenerationRequest;
import dev.sparsed.GenerationResult;
import dev.sparsed.bench.quality.AnswerText;
import java.io.PrintWriter;
import java.util.Arrays;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
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
            "Example: sparsed generate -m LLaDA-8B-Instruct -f question.txt --gen-length 256 --block-length 32 --policy sparsed"
        })
final class GenerateCommand implements Callable<Integer> {

    /** Lines below the canvas: the status line, and the one the cursor is in. */
    private static final int ROWS_BELOW = 2;

    @ParentCommand
    private @Nullable Main main;

    @Mixin
    private PromptOptions prompt = new PromptOptions();

    @Option(
            names = {"-n", "--gen-length"},
            paramLabel = "N",
            defaultValue = "128",
            description = "Tokens to generate. Default: ${DEFAULT-VALUE}.")
    private int genLength;

    @Option(
            names = "--block-length",
            paramLabel = "N",
            description = "Tokens per semi-autoregressive block; must divide --gen-length. Default: one block.")
    private @Nullable Integer blockLength;

    @Option(
            names = "--steps",
            paramLabel = "N",
            description = "Denoising steps in all, a multiple of the number of blocks. Default: one per token.")
    private @Nullable Integer steps;

    @Mixin
    private SamplingOptions sampling = new SamplingOptions();

    @Mixin
    private ModelOptions model = new ModelOptions();

    @Mixin
    private ViewOptions view = new ViewOptions();

    @Option(names = "--output-tokens", description = "Print token ids, separated by commas, instead of text.")
    private boolean outputTokens;

    @Option(names = "--stats", description = "Print a table of steps and times to standard error.")
    private boolean stats;

    @Option(
            names = {"-v", "--verbose"},
            description = "As --stats, and the density of every layer.")
    private boolean verbose;

    @Override
    public Integer call() {
        Shell shell = main.shell();
        GenerationRequest request = request(shell); // first: a wrong option should not have to wait for a model
        try (LoadedModel loaded = model.load()) {
            GenerationResult result = generate(loaded.model(), request, shell);
            printAnswer(loaded.model(), result, shell);
            printReport(result, shell.err());
        }
        return 0;
    }

    private GenerationRequest request(Shell shell) {
        GenerationRequest.Builder request = GenerationRequest.builder().genLength(genLength);
        if (blockLength != null) {
            request.blockLength(blockLength);
        }
        if (steps != null) {
            request.steps(steps);
        }
        sampling.apply(request);
        prompt.apply(request, shell);
        return request.build();
    }

    private GenerationResult generate(DiffusionModel loaded, GenerationRequest request, Shell shell) {
        Terminal terminal = shell.terminal();
        if (outputTokens || !view.live(terminal)) {
            return loaded.generate(request, main.interruption().listener());
        }
        CanvasView canvas = new CanvasView(
                terminal.columns(), terminal.rows() - ROWS_BELOW, Glyphs.of(terminal.unicode()), view.style(terminal));
        try (LiveScreen screen = new LiveScreen(shell.out())) {
            GenerationListener live = new LiveView(screen, terminal, loaded.tokenizer(), canvas::lines);
            GenerationResult result =
                    loaded.generate(request, main.interruption().following(live));
            screen.clear(); // the answer takes its place, whole and without wrapped lines
            return result;
        }
    }

    private void printAnswer(DiffusionModel loaded, GenerationResult result, Shell shell) {
        if (outputTokens) {
            shell.out()
                    .println(Arrays.stream(result.tokens())
                            .mapToObj(String::valueOf)
                            .collect(Collectors.joining(",")));
        } else {
            String text =
                    prompt.givenAsTokens() ? AnswerText.whole(loaded.tokenizer(), result.tokens()) : result.text();
            shell.out().println(view.live(shell.terminal()) ? Texts.printable(text) : text);
        }
        shell.out().flush();
    }

    private void printReport(GenerationResult result, PrintWriter err) {
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
