package dev.sparsed.bench.report;

import dev.sparsed.Commit;
import dev.sparsed.GenerationListener;
import dev.sparsed.StepEvent;
import dev.sparsed.bench.canvas.CanvasState;
import dev.sparsed.bench.canvas.Cell;
import dev.sparsed.text.Tokenizer;
import java.util.ArrayList;
import java.util.List;

/** How the generated part of a canvas came about. Follows one generation. */
final class CanvasTrace implements GenerationListener {

    /**
     * A position that looks different after a step.
     *
     * @param index position in the generated part, from 0
     * @param cell what is there now
     */
    record Change(int index, Cell cell) {}

    /**
     * A step.
     *
     * @param event what the listener heard
     * @param changes positions that look different
     */
    record Step(StepEvent event, List<Change> changes) {}

    private final Tokenizer tokenizer;
    private final int maskToken;
    private final List<Step> steps = new ArrayList<>();
    private List<Cell> start = List.of();
    private List<Cell> shown = List.of();
    private CanvasState state;
    private int promptLength;

    CanvasTrace(Tokenizer tokenizer, int maskToken) {
        this.tokenizer = tokenizer;
        this.maskToken = maskToken;
        this.state = new CanvasState(tokenizer, 0, 0);
    }

    @Override
    public void onStart(int[] canvas, int promptLength) {
        this.promptLength = promptLength;
        state = new CanvasState(tokenizer, canvas, promptLength, maskToken);
        start = state.cells();
        shown = start;
    }

    @Override
    public void onStep(StepEvent event) {
        state.apply(event);
        List<Cell> now = state.cells();
        List<Change> changes = new ArrayList<>();
        for (int i = 0; i < now.size(); i++) {
            Cell cell = settled(now.get(i));
            if (!cell.equals(settled(shown.get(i)))) {
                changes.add(new Change(i, cell));
            }
        }
        shown = now;
        steps.add(new Step(event, changes));
    }

    /** Fresh or not is for the page to tell: it goes back, too. */
    private static Cell settled(Cell cell) {
        return cell.kind() == Cell.Kind.FRESH ? new Cell(Cell.Kind.TOKEN, cell.text()) : cell;
    }

    /** {@return the positions before the first step} */
    List<Cell> start() {
        return start;
    }

    /** {@return the steps so far} */
    List<Step> steps() {
        return List.copyOf(steps);
    }

    /** {@return the position of a commit in the generated part} */
    int index(Commit commit) {
        return commit.position() - promptLength;
    }
}
