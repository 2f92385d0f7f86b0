package dev.sparsed.bench.canvas;

import dev.sparsed.Commit;
import dev.sparsed.StepEvent;
import dev.sparsed.bench.quality.AnswerText;
import dev.sparsed.text.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The generated part of a canvas, followed through a generation and given out as cells with text. Not thread-safe. */
public final class CanvasState {

    private static final int MASK = -1;
    private static final char REPLACEMENT = '\uFFFD';

    private final Tokenizer tokenizer;
    private final int promptLength;
    private final int[] tokens;
    private final BitSet fresh = new BitSet();
    private final Map<Integer, Cell> known = new HashMap<>();

    /**
     * Starts with masks only.
     *
     * @param tokenizer gives tokens their text
     * @param promptLength P, positions before the generated part
     * @param genLength G
     */
    public CanvasState(Tokenizer tokenizer, int promptLength, int genLength) {
        this.tokenizer = tokenizer;
        this.promptLength = promptLength;
        this.tokens = new int[genLength];
        Arrays.fill(tokens, MASK);
    }

    /**
     * Starts with the canvas before the first step.
     *
     * @param tokenizer gives tokens their text
     * @param canvas prompt, masks, and tokens that stay
     * @param promptLength P
     * @param maskToken id of the mask token
     */
    public CanvasState(Tokenizer tokenizer, int[] canvas, int promptLength, int maskToken) {
        this(tokenizer, promptLength, canvas.length - promptLength);
        for (int i = promptLength; i < canvas.length; i++) {
            tokens[i - promptLength] = canvas[i] == maskToken ? MASK : canvas[i];
        }
    }

    /**
     * Takes over what a step committed.
     *
     * @param event the step
     */
    public void apply(StepEvent event) {
        for (Commit commit : event.commits()) {
            tokens[commit.position() - promptLength] = commit.token();
            fresh.set(commit.position() - promptLength);
        }
    }

    /** {@return the cells in order; those committed since the last call are fresh} */
    public List<Cell> cells() {
        List<Cell> cells = peek();
        fresh.clear();
        return cells;
    }

    /** {@return the cells in order, without changing which are fresh} */
    public List<Cell> peek() {
        List<Cell> cells = new ArrayList<>(tokens.length);
        for (int i = 0; i < tokens.length; ) {
            int end = endOfCharacter(i);
            if (end > i + 1) {
                addJoined(cells, i, end);
            } else {
                cells.add(cell(i));
            }
            i = end;
        }
        return cells;
    }

    /** Tokens that each hold a part of a character show nothing alone; neighbours are decoded together. */
    private int endOfCharacter(int start) {
        int end = start;
        while (end < tokens.length
                && tokens[end] != MASK
                && plain(tokens[end]).text().indexOf(REPLACEMENT) >= 0) {
            end++;
        }
        return Math.max(end, start + 1);
    }

    private void addJoined(List<Cell> cells, int start, int end) {
        String text = tokenizer.decode(Arrays.copyOfRange(tokens, start, end), false);
        boolean anyFresh = fresh.nextSetBit(start) >= 0 && fresh.nextSetBit(start) < end;
        cells.add(new Cell(anyFresh ? Cell.Kind.FRESH : Cell.Kind.TOKEN, text));
        for (int i = start + 1; i < end; i++) {
            cells.add(new Cell(Cell.Kind.TOKEN, ""));
        }
    }

    private Cell cell(int i) {
        if (tokens[i] == MASK) {
            return Cell.MASK;
        }
        Cell plain = plain(tokens[i]);
        return fresh.get(i) && plain.kind() == Cell.Kind.TOKEN ? new Cell(Cell.Kind.FRESH, plain.text()) : plain;
    }

    private Cell plain(int token) {
        return known.computeIfAbsent(token, id -> {
            if (!tokenizer.contains(id)) {
                return new Cell(Cell.Kind.SPECIAL, ""); // the model may have more ids than its tokenizer
            }
            Cell.Kind kind = AnswerText.isSpecial(tokenizer, id) ? Cell.Kind.SPECIAL : Cell.Kind.TOKEN;
            return new Cell(kind, tokenizer.token(id));
        });
    }
}
