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

    /**
     * What the demo model keeps its accuracy with at these lengths; the presets' blocks of 128 are meant for longer
     * texts.
     */
    private static final SparseD SPARSED = new SparseD(0.2, 0.3, 32);

    private static final int SHOWN_CHARACTERS = 32;
    private static final String ROW = "   %-8s %-7s %9s %11s %9s %8s %8s";

    /** What came of one policy. */
    private record Act(GenerationResult result, StepTimes times) {}

    /** Shows it. */
    void run() {
        int question = task.user().lastIndexOf('\n') + 1;
        String text = task.user().substring(0, question).strip().replaceAll("\\s+", " ");
        String ellipsis = " " + stage.glyphs().ellipsis() + " ";
        stage.tell("2. A number hidden in a text of " + Texts.count(text.length()) + " characters ("
                + Texts.count(task.length())
                + " tokens with question and answer), after " + Math.round(100 * NeedleChoice.depth(task))
                + " % of it. The question for it is asked twice: with dense attention, then with SparseD (skip "
                + SPARSED.skip() + ", select " + SPARSED.select() + ", blocks of " + SPARSED.blockSize() + ").");
        stage.say("");
        stage.say("   Text      "
                + text.substring(0, Math.min(SHOWN_CHARACTERS, text.length())).strip() + ellipsis
                + text.substring(Math.max(0, text.length() - SHOWN_CHARACTERS)).strip());
        stage.say("   Question  " + task.user().substring(question).strip());
        stage.say("   Answer    " + task.assistantPrefix() + stage.glyphs().ellipsis());
        stage.say("   Expected  " + task.expected());
        stage.say("");
        stage.say(String.format(Locale.ROOT, ROW, "", "", "dense", "dense +", "sparse", "all", "blocks"));
        stage.say(String.format(Locale.ROOT, ROW, "", "answer", "step", "select step", "step", "steps", "kept"));
        Act dense = act("dense", AttentionPolicy.dense());
        Act sparse = act("SparseD", SPARSED);
        stage.say("   The time of a step is the median of its kind.");
        stage.say("");
        stage.tell(comparison(dense, sparse));
    }

    private Act act(String name, AttentionPolicy policy) {
        Terminal terminal = stage.shell().terminal();
        CanvasView view =
                new CanvasView(terminal.columns(), Math.max(1, terminal.rows() - 2), stage.glyphs(), stage.style());
        StepTimes times = new StepTimes();
        GenerationResult result = stage.play(
                QualityRun.request(task, request -> request.policy(policy)),
                view::lines,
                false,
                times::add,
                GenerationListener.NONE);
        String answer = AnswerText.untilEndOfTurn(stage.model().tokenizer(), result.tokens())
                .strip();
        boolean solved = TaskChecker.solved(task, answer);
        String row = String.format(
                Locale.ROOT,
                ROW,
                name,
                Texts.printable(answer),
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
        double denseStep = Math.min(
                dense.times.least(AttentionMode.DENSE).orElseThrow(),
                sparse.times.least(AttentionMode.DENSE).orElseThrow());
        double sparseStep = sparse.times.least(AttentionMode.BLOCK_SPARSE).orElseThrow();
        return String.format(
                Locale.ROOT,
                "   On %,d tokens, the fastest dense step took %s and the fastest block-sparse one %s: %.2f times the speed,"
                        + " with %s of the key blocks.",
                dense.result.promptLength() + dense.result.tokens().length,
                Texts.millis(denseStep),
                Texts.millis(sparseStep),
                denseStep / sparseStep,
                Texts.percent(sparse.result.density()));
    }
}
