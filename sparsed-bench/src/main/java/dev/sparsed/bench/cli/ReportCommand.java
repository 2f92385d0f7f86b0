package dev.sparsed.bench.cli;

import dev.sparsed.ChatMessage;
import dev.sparsed.DiffusionModel;
import dev.sparsed.GenerationListener;
import dev.sparsed.GenerationRequest;
import dev.sparsed.StepEvent;
import dev.sparsed.bench.quality.QualityRun;
import dev.sparsed.bench.report.PromptStudy;
import dev.sparsed.bench.report.QualityChart;
import dev.sparsed.bench.report.ReportPage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;

/** Draws what sparsity does: outcomes of many tasks, one prompt step by step, or both. */
@Command(
        name = "report",
        sortOptions = false,
        abbreviateSynopsis = true,
        mixinStandardHelpOptions = true,
        description = "Write an HTML page with charts of quality results and pictures of one prompt's attention.",
        footer = {
            "",
            "Example: sparsed report --task-id 100 --policy sparsed --select 0.3",
            "Example: sparsed report --results runs.jsonl -m LLaDA-8B-Instruct -f question.txt --policy sparsed",
            "",
            "The page is one file that loads nothing. The prompt is generated twice, dense and with the policy."
        })
final class ReportCommand implements Callable<Integer> {

    @ParentCommand
    private @Nullable Main main;

    @Option(
            names = {"-o", "--out"},
            paramLabel = "FILE",
            defaultValue = "report.html",
            description = "The page; overwritten. Default: ${DEFAULT-VALUE}.")
    private Path out = Path.of("report.html");

    @Option(
            names = "--title",
            paramLabel = "TEXT",
            defaultValue = "What sparsity does",
            description = "The page's heading. Default: ${DEFAULT-VALUE}.")
    private String title = "";

    @Option(
            names = "--results",
            paramLabel = "FILE",
            split = ",",
            description = "Outcomes of tasks, as sparsed quality --out writes them.")
    private List<Path> results = List.of();

    @Option(
            names = "--task-id",
            paramLabel = "N",
            description = "The prompt, its lengths and its steps are those of this task instead.")
    private @Nullable Integer taskId;

    @Mixin
    private TaskFileOption tasks = new TaskFileOption();

    @Mixin
    private PromptOptions prompt = new PromptOptions();

    @Mixin
    private LengthOptions length = new LengthOptions();

    @Mixin
    private SamplingOptions sampling = new SamplingOptions();

    @Mixin
    private ModelOptions model = new ModelOptions();

    @Override
    public Integer call() {
        boolean hasPrompt = prompt.isGiven() || taskId != null;
        if (results.isEmpty() && !hasPrompt) {
            throw new IllegalArgumentException("nothing to report on: give --results, --prompt or --task-id");
        }
        if (prompt.isGiven() && taskId != null) {
            throw new IllegalArgumentException("--task-id = " + taskId + ": the task has a prompt; give one of them");
        }
        QualityChart quality = results.isEmpty() ? null : QualityChart.read(results);
        PromptStudy study = hasPrompt ? study(request()) : null;
        String page = ReportPage.html(title, quality, study);
        try {
            Files.writeString(out, page);
        } catch (IOException e) {
            throw new UncheckedIOException(out + ": cannot be written: " + e.getMessage(), e);
        }
        main.shell().err().println(out + ": " + Texts.count(page.length()) + " bytes, open it in a browser");
        return 0;
    }

    private GenerationRequest.Builder request() {
        GenerationRequest.Builder request =
                taskId == null ? GenerationRequest.builder() : QualityRun.request(tasks.task(taskId));
        if (taskId == null) {
            prompt.apply(request, main.shell());
        }
        length.apply(request);
        sampling.apply(request);
        request.build(); // a wrong option should not have to wait for a model
        return request;
    }

    private PromptStudy study(GenerationRequest.Builder request) {
        try (LoadedModel loaded = model.load()) {
            return PromptStudy.of(
                    loaded.model(),
                    words(request.build(), loaded.model()),
                    request,
                    listener -> main.interruption().following(new Told(listener)));
        }
    }

    /** Says how far a generation is, eight times. */
    private final class Told implements GenerationListener {

        private static final int TIMES = 8;

        private final GenerationListener listener;

        Told(GenerationListener listener) {
            this.listener = listener;
        }

        @Override
        public void onStart(int[] canvas, int promptLength) {
            listener.onStart(canvas, promptLength);
        }

        @Override
        public void onStep(StepEvent event) {
            listener.onStep(event);
            if ((event.step() + 1) % Math.ceilDiv(event.steps(), TIMES) == 0) {
                main.shell().err().println(StatusLine.of(event, Integer.MAX_VALUE, Glyphs.ASCII));
            }
        }
    }

    private static String words(GenerationRequest request, DiffusionModel model) {
        return request.promptTokens()
                .map(tokens -> model.tokenizer().decode(tokens, false))
                .or(request::rawPrompt)
                .orElseGet(() ->
                        request.messages().stream().map(ChatMessage::content).collect(Collectors.joining("\n\n"))
                                + (request.assistantPrefix().isEmpty() ? "" : "\n\n" + request.assistantPrefix()));
    }
}
