package dev.sparsed.bench.cli;

import dev.sparsed.DiffusionModel;
import dev.sparsed.GenerationListener;
import dev.sparsed.GenerationRequest;
import dev.sparsed.GenerationResult;
import java.util.function.UnaryOperator;

/**
 * Where answers come about: a terminal shows the canvas after every step, everything else waits for the result.
 *
 * @param shell where
 * @param view whether, and in which colours
 */
record AnswerScreen(Shell shell, ViewOptions view) {

    /** Lines below the canvas: the status line, and the one the cursor is in. */
    private static final int ROWS_BELOW = 2;

    /**
     * Generates. The picture is gone afterwards, so that the answer can take its place, whole and without wrapped
     * lines; it stays if the generation is cancelled.
     *
     * @param model the model
     * @param request what
     * @param interruption makes a listener one that may cancel
     * @return what was generated
     */
    GenerationResult generate(
            DiffusionModel model, GenerationRequest request, UnaryOperator<GenerationListener> interruption) {
        Terminal terminal = shell.terminal();
        if (!view.live(terminal)) {
            return model.generate(request, interruption.apply(GenerationListener.NONE));
        }
        CanvasView canvas = new CanvasView(
                terminal.columns(), terminal.rows() - ROWS_BELOW, Glyphs.of(terminal.unicode()), view.style(terminal));
        try (LiveScreen screen = new LiveScreen(shell.out())) {
            GenerationListener live = new LiveView(screen, terminal, model, canvas::lines);
            GenerationResult result = model.generate(request, interruption.apply(live));
            screen.clear();
            return result;
        }
    }

    /**
     * Prints an answer.
     *
     * @param text any; what would do something to a terminal is not sent to one
     */
    void print(String text) {
        shell.print(view.live(shell.terminal()) ? Texts.printable(text) : text);
    }
}
