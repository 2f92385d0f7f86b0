package dev.sparsed.bench.cli;

import dev.sparsed.GenerationListener;
import dev.sparsed.GenerationResult;
import dev.sparsed.StepEvent;
import dev.sparsed.attention.AttentionMode;
import dev.sparsed.bench.canvas.CanvasState;
import dev.sparsed.bench.quality.AnswerText;
import dev.sparsed.bench.quality.QualityRun;
import dev.sparsed.bench.quality.Sudoku;
import dev.sparsed.bench.quality.Task;
import java.util.ArrayList;
import java.util.List;

/**
 * A sudoku denoised cell by cell.
 *
 * @param stage where
 * @param task the puzzle
 */
record SudokuDemo(Stage stage, Task task) {

    /** Without a terminal, so many grids are printed after the first one, the last of them complete. */
    private static final int GRIDS = 3;

    /**
     * Shows it.
     *
     * @return median time of a step in seconds
     */
    double run() {
        String puzzle = task.answer().getFirst();
        long givens = puzzle.chars().filter(c -> c != '.').count();
        SudokuView view = new SudokuView(puzzle, stage.glyphs(), stage.style());
        stage.tell("1. A sudoku with " + givens + " givens. The answer starts as " + task.genLength()
                + " masks; every step, the cell that the model is surest of becomes a digit.");
        stage.say("");
        stage.say("   " + view.legend());
        StepTimes times = new StepTimes();
        GenerationResult result =
                stage.play(QualityRun.request(task, request -> {}), view::lines, true, times::add, new Snapshots(view));
        String answer = AnswerText.untilEndOfTurn(stage.model().tokenizer(), result.tokens())
                .strip();
        stage.say("");
        stage.say(verdict(Sudoku.faults(puzzle, answer)));
        double median = times.median(AttentionMode.DENSE).orElseThrow();
        stage.say("   " + task.steps() + " steps in "
                + Texts.seconds(result.timings().total()) + ", " + Texts.millis(median) + " each (median).");
        return median / 1e9;
    }

    private String verdict(List<String> faults) {
        return faults.isEmpty()
                ? stage.style().made("   Solved: every row, column and box holds 1 to 9, and no given was changed.")
                : stage.style().wrong("   Not solved: " + String.join("; ", faults) + ".");
    }

    /** Prints the grid now and then. */
    private final class Snapshots implements GenerationListener {

        private final SudokuView view;
        private CanvasState canvas;
        private int blanks;
        private int printed;

        Snapshots(SudokuView view) {
            this.view = view;
            this.canvas = new CanvasState(stage.model().tokenizer(), 0, 0);
        }

        @Override
        public void onStart(int[] tokens, int promptLength) {
            canvas = new CanvasState(stage.model().tokenizer(), promptLength, tokens.length - promptLength);
            blanks = view.maskedBlanks(canvas.peek());
            print("before the first step");
        }

        @Override
        public void onStep(StepEvent event) {
            canvas.apply(event);
            int goal = event.step() + 1 == event.steps() ? 0 : blanks * (GRIDS - 1 - printed) / GRIDS;
            if (printed < GRIDS && view.maskedBlanks(canvas.peek()) <= goal) {
                printed++;
                print(StatusLine.of(event, stage.shell().terminal().columns(), stage.glyphs()));
            }
        }

        private void print(String status) {
            List<String> lines = new ArrayList<>(view.lines(canvas.cells()));
            lines.add(status);
            lines.forEach(stage::say);
        }
    }
}
