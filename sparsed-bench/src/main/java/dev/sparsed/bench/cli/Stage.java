package dev.sparsed.bench.cli;

import dev.sparsed.DiffusionModel;
import dev.sparsed.GenerationListener;
import dev.sparsed.GenerationRequest;
import dev.sparsed.GenerationResult;
import dev.sparsed.StepEvent;
import dev.sparsed.bench.canvas.Cell;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * Where a demonstration plays.
 *
 * @param shell where it is shown
 * @param view how
 * @param interruption may end it
 * @param model who plays
 */
record Stage(Shell shell, ViewOptions view, Interruption interruption, DiffusionModel model) {

    /** Longer lines are hard to read. */
    private static final int MOST_COLUMNS = 100;

    /** {@return whether the audience sees every step: where a grid, a status line and the cursor find room} */
    boolean live() {
        Terminal terminal = shell.terminal();
        return view.live(terminal)
                && terminal.columns() >= SudokuView.COLUMNS
                && terminal.rows() >= SudokuView.ROWS + 2;
    }

    /** {@return the glyphs to draw with} */
    Glyphs glyphs() {
        return Glyphs.of(shell.terminal().unicode());
    }

    /** {@return the emphasis to draw with} */
    Style style() {
        return view.style(shell.terminal());
    }

    /**
     * Prints a line.
     *
     * @param line without line end
     */
    void say(String line) {
        shell.print(line);
    }

    /**
     * Prints a sentence or two, wrapped.
     *
     * @param text without line breaks; every line starts with the spaces it starts with
     */
    void tell(String text) {
        Texts.wrapped(text, Math.min(MOST_COLUMNS, shell.terminal().columns())).forEach(this::say);
    }

    /**
     * Generates: before the eyes of the audience if it is live, else only told to a listener.
     *
     * @param request what
     * @param painter draws the generated positions
     * @param leave whether the last picture stays
     * @param times hears of every step
     * @param unseen hears of the generation if it is not live
     * @return what was generated
     */
    GenerationResult play(
            GenerationRequest request,
            Function<List<Cell>, List<String>> painter,
            boolean leave,
            Consumer<StepEvent> times,
            GenerationListener unseen) {
        if (!live()) {
            return model.generate(request, interruption.following(both(unseen, times)));
        }
        try (LiveScreen screen = new LiveScreen(shell.out())) {
            LiveView pictures = new LiveView(screen, shell.terminal(), model, painter);
            GenerationResult result = model.generate(request, interruption.following(both(pictures, times)));
            if (!leave) {
                screen.clear();
            }
            return result;
        }
    }

    private static GenerationListener both(GenerationListener first, Consumer<StepEvent> second) {
        return new GenerationListener() {
            @Override
            public void onStart(int[] canvas, int promptLength) {
                first.onStart(canvas, promptLength);
            }

            @Override
            public void onStep(StepEvent event) {
                first.onStep(event);
                second.accept(event);
            }
        };
    }
}
