package dev.sparsed.bench.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.sparsed.DiffusionModel;
import dev.sparsed.GenerationRequest;
import dev.sparsed.attention.SparseD;
import dev.sparsed.bench.DemoModel;
import dev.sparsed.bench.quality.AnswerMode;
import dev.sparsed.bench.quality.OutcomeLog;
import dev.sparsed.bench.quality.Setting;
import dev.sparsed.bench.quality.Task;
import dev.sparsed.bench.quality.TaskOutcome;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The page in a Chromium without a screen and without a network; only where there is one. */
class ReportBrowserTest {

    private static final List<String> NAMES = List.of("chromium", "chromium-browser", "google-chrome", "chrome");

    /** Seconds; it takes about three, on a busy machine twenty. */
    private static final int PATIENCE = 120;

    @TempDir
    private Path folder;

    private static Path browser() {
        return Stream.of(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator))
                .flatMap(place -> NAMES.stream().map(name -> Path.of(place, name)))
                .filter(Files::isExecutable)
                .findFirst()
                .orElseGet(() -> abort("no " + String.join(", ", NAMES) + " in the PATH: install one (Debian: apt-get"
                        + " install chromium) to see the page drawn"));
    }

    @Test
    void drawsEverythingWithoutAnErrorAndOffline() throws IOException, InterruptedException {
        Path chromium = browser();
        Path page = folder.resolve("report.html");
        Files.writeString(page, page() + SCRIPT);
        Path dom = folder.resolve("dom.html");
        Path log = folder.resolve("log.txt");
        Process process = new ProcessBuilder(
                        chromium.toString(),
                        "--headless=new",
                        "--no-sandbox", // a container's root cannot have one
                        "--disable-gpu",
                        "--user-data-dir=" + folder.resolve("profile"),
                        "--host-resolver-rules=MAP * ~NOTFOUND",
                        "--enable-logging=stderr",
                        "--window-size=1200,900",
                        "--virtual-time-budget=4000",
                        "--dump-dom",
                        page.toUri().toString())
                .redirectOutput(dom.toFile())
                .redirectError(log.toFile())
                .start();
        try {
            assertThat(process.waitFor(PATIENCE, TimeUnit.SECONDS)).as("ended").isTrue();
        } finally {
            process.destroyForcibly();
        }
        assertThat(Files.readString(log).lines().filter(line -> line.contains("CONSOLE")))
                .isEmpty();
        String drawn = Files.readString(dom);
        for (String chart : List.of(
                "accuracy",
                "speed",
                "tradeoff",
                "times",
                "density",
                "mass",
                "mass-by-step",
                "between-steps",
                "to-reference",
                "between-heads")) {
            assertThat(drawn).as(chart).containsPattern("<div id=\"" + chart + "\">(<figure|<svg|<div)[^>]* ?[^>]*>");
        }
        assertThat(drawn)
                .contains("<title>Sums &lt;b&gt;</title>", "2 outcomes with 2 settings")
                .contains("Before the first of 16 steps: 16 masked") // the script has moved the slider
                .containsPattern("(<span class=\"mask\">░</span>){16}")
                .contains("layer 7, head 3: ");
    }

    /** Moves the slider as a key would, and says so if a canvas has stayed blank. */
    private static final String SCRIPT = """
            <script>
            const moved = document.getElementById("step");
            moved.value = 0;
            moved.dispatchEvent(new Event("input"));
            document.querySelectorAll("#wall button")[31].click();
            for (const canvas of document.querySelectorAll("canvas")) {
              const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
              if (new Set(new Uint32Array(pixels.buffer)).size < 2) console.error("blank");
            }
            </script>
            """;

    private String page() {
        Path outcomes = folder.resolve("outcomes.jsonl");
        Task task = new Task(1, "add", 64, "1+1=", "", 16, 16, 16, AnswerMode.EXACT, List.of("2"));
        try (OutcomeLog log = OutcomeLog.open(outcomes)) {
            for (String policy : List.of("dense", "sparsed:select=0.3")) {
                log.add(
                        policy,
                        new Setting("none", "fixed", policy, request -> {}),
                        new TaskOutcome(task, List.of(17), "2", true, 0.5, 0.9, 16, 1024, 0.1));
            }
        }
        try (DemoModel demo = DemoModel.open();
                DiffusionModel model = DiffusionModel.load(demo.folder())) {
            PromptStudy study = PromptStudy.of(
                    model,
                    "<script>\"</script>",
                    GenerationRequest.builder().user("195351+5=").genLength(16).policy(new SparseD(0.2, 0.3, 8)),
                    UnaryOperator.identity());
            return ReportPage.html("Sums <b>", QualityChart.read(List.of(outcomes)), study);
        }
    }
}
