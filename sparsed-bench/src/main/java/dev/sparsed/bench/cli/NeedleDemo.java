package dev.sparsed.bench.cli;

import dev.sparsed.GenerationListener;
import dev.sparsed.GenerationResult;
import dev.sparsed.attention.AttentionMode;
import dev.sparsed.attention.AttentionPolicy;
import dev.sparsed.attention.SparseD;
import dev.sparsed.bench.quality.AnswerText;
import dev.sparsed.bench.quality.QualityRun;
import dev.sparsed.bench.quality.Task;
import dev.sparsed.bench.quality.TaskChecker;
import java.util.Locale;
import java.util.OptionalDouble;

/**
 * A number hidden in a long text, found with dense attention and with SparseD.
 *
 * @param stage where
 * @param task text, question and answer
 */
record NeedleDemo(Stage stage, Task task) {

    /** What the demo model keeps its accuracy with at these lengths; the presets' blocks of 128 are meant for longer texts. */
    private static final SparseD SPARSED = new SparseD(0.2, 0.3, 32);

    private static final int SHOWN_CHARACTERS = 60;
    private static final String ROW = "   %-8s %-8s %-9s %14s %16s %18s %9s %8s";

    /** What came of one policy. */
    private record Act(GenerationResult result, StepTimes times) {}

    /** Shows it. */
    void run() {
        int question = task.user().lastIndexOf('\n') + 1;
        String text = task.user().substring(0, question).strip().replaceAll("\\s+", " ");
        String ellipsis = " " + stage.glyphs().ellipsis() + " ";
        stage.say("2. A number hidden in a text of " + Texts.count(text.length()) + " characters, and the question for it, asked twice:"
                + " with dense attention, then with SparseD (skip " + SPARSED.skip() + ", select " + SPARSED.select() + ", blocks of "
                + SPARSED.blockSize() + ").");
        stage.say("");
        stage.say("   Text      " + text.substring(0, Math.min(SHOWN_CHARACTERS, text.length())) + ellipsis
                + text.substring(Math.max(0, text.length() - SHOWN_CHARACTERS)));
        stage.say("   Question  " + task.user().substring(question).strip());
        stage.say("   Answer    " + task.assistantPrefix() + stage.glyphs().ellipsis());
        stage.say("");
        stage.say(String.format(
                Locale.ROOT, ROW, "", "answer", "expected", "dense step", "dense + select", "block-sparse step", "in all", "density"));
        Act dense = act("dense", AttentionPolicy.dense());
        Act sparse = act("SparseD", SPARSED);
        stage.say("");
        stage.say(comparison(dense, sparse));
    }

    private Act act(String name, AttentionPolicy policy) {
        Terminal terminal = stage.shell().terminal();
        CanvasView view = new CanvasView(terminal.columns(), Math.max(1, terminal.rows() - 2), stage.glyphs(), stage.style());
        StepTimes times = new StepTimes();
        GenerationResult result = stage.play(
                QualityRun.request(task, request -> request.policy(policy)),
                view::lines,
                false,
                times::add,
                GenerationListener.NONE);
        String answer = AnswerText.untilEndOfTurn(stage.model().tokenizer(), result.tokens()).strip();
        boolean solved = TaskChecker.solved(task, answer);
        String row = String.format(
                Locale.ROOT,
                ROW,
                name,
                Texts.printable(answer),
                task.expected(),
                time(times, AttentionMode.DENSE),
                time(times, AttentionMode.DENSE_AND_SELECT),
                time(times, AttentionMode.BLOCK_SPARSE),
                Texts.seconds(result.timings().total()),
                Texts.percent(result.density()));
        stage.say(row + (solved ? stage.style().made("  right") : stage.style().wrong("  wrong")));
        return new Act(result, times);
    }

    private static String time(StepTimes times, AttentionMode kind) {
        OptionalDouble median = times.median(kind);
        return median.isPresent() ? Texts.millis(median.getAsDouble()) : "";
    }

    private static String comparison(Act dense, Act sparse) {
        double denseStep = dense.times.median(AttentionMode.DENSE).orElseThrow();
        double sparseStep = sparse.times.median(AttentionMode.BLOCK_SPARSE).orElseThrow();
        return String.format(
                Locale.ROOT,
                "   On %,d tokens, a block-sparse step took %s and a dense one %s (medians): %.2f times as fast, with %s of the key blocks.",
                dense.result.promptLength() + dense.result.tokens().length,
                Texts.millis(sparseStep),
                Texts.millis(denseStep),
                denseStep / sparseStep,
                Texts.percent(sparse.result.density()));
    }
}
