package dev.sparsed.bench.cli;

import dev.sparsed.DiffusionModel;
import dev.sparsed.GenerationListener;
import dev.sparsed.StepEvent;
import dev.sparsed.bench.canvas.CanvasState;
import dev.sparsed.bench.canvas.Cell;
import dev.sparsed.text.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

/** Draws the canvas after every step, but not more often than eyes can follow. */
final class LiveView implements GenerationListener {

    /** 30 pictures a second; tokens of a step that is not drawn stay fresh until the next one that is. */
    private static final long LEAST_NANOS_BETWEEN_PICTURES = 33_000_000;

    private final LiveScreen screen;
    private final Terminal terminal;
    private final Tokenizer tokenizer;
    private final int maskToken;
    private final Function<List<Cell>, List<String>> painter;
    private CanvasState canvas;
    private long lastPicture;

    /**
     * Prepares.
     *
     * @param screen what to draw on
     * @param terminal its size and glyphs
     * @param model gives tokens their text
     * @param painter turns the generated positions into lines; a status line is added below
     */
    LiveView(LiveScreen screen, Terminal terminal, DiffusionModel model, Function<List<Cell>, List<String>> painter) {
        this.screen = screen;
        this.terminal = terminal;
        this.tokenizer = model.tokenizer();
        this.maskToken = model.info().maskToken();
        this.painter = painter;
        this.canvas = new CanvasState(tokenizer, 0, 0);
    }

    @Override
    public void onStart(int[] tokens, int promptLength) {
        canvas = new CanvasState(tokenizer, tokens, promptLength, maskToken);
        long masks = Arrays.stream(tokens).filter(token -> token == maskToken).count();
        draw(tokens.length + " tokens, " + masks + " of them masks");
    }

    @Override
    public void onStep(StepEvent event) {
        canvas.apply(event);
        boolean last = event.masksLeft() == 0 || event.step() + 1 == event.steps();
        if (last || System.nanoTime() - lastPicture >= LEAST_NANOS_BETWEEN_PICTURES) {
            draw(StatusLine.of(event, terminal.columns(), Glyphs.of(terminal.unicode())));
        }
    }

    private void draw(String status) {
        lastPicture = System.nanoTime();
        List<String> lines = new ArrayList<>(painter.apply(canvas.cells()));
        lines.add(status.substring(0, Math.min(status.length(), terminal.columns())));
        screen.draw(lines);
    }
}
