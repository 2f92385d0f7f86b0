package dev.sparsed.bench.canvas;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sparsed.Commit;
import dev.sparsed.StepEvent;
import dev.sparsed.attention.AttentionMode;
import dev.sparsed.bench.DemoModel;
import dev.sparsed.bench.quality.AnswerText;
import dev.sparsed.spi.Positions;
import dev.sparsed.text.Tokenizer;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class CanvasStateTest {

    private static final int PROMPT = 7;

    private static DemoModel demo;
    private static Tokenizer tokenizer;

    @BeforeAll
    static void load() {
        demo = DemoModel.open();
        tokenizer = Tokenizer.load(demo.folder());
    }

    @AfterAll
    static void close() {
        tokenizer.close();
        demo.close();
    }

    @Test
    void followsAGeneration() {
        CanvasState state = new CanvasState(tokenizer, PROMPT, 3);
        assertThat(state.cells()).containsExactly(Cell.MASK, Cell.MASK, Cell.MASK);
        commit(state, 1, tokenizer.encode("7"));
        assertThat(state.cells()).containsExactly(Cell.MASK, new Cell(Cell.Kind.FRESH, "7"), Cell.MASK);
        commit(state, 2, tokenizer.tokenId("<|eot_id|>").orElseThrow());
        assertThat(state.cells())
                .containsExactly(Cell.MASK, new Cell(Cell.Kind.TOKEN, "7"), new Cell(Cell.Kind.SPECIAL, "<|eot_id|>"));
    }

    @Test
    void whatIsNotLookedAtStaysFresh() {
        CanvasState state = new CanvasState(tokenizer, PROMPT, 2);
        commit(state, 0, tokenizer.encode("1"));
        commit(state, 1, tokenizer.encode("2"));
        assertThat(state.cells()).extracting(Cell::kind).containsOnly(Cell.Kind.FRESH);
    }

    @Test
    void joinsTheTokensOfOneCharacter() {
        int[] parts = tokenizer.encode("漢");
        assertThat(parts).hasSizeGreaterThan(1);
        CanvasState state = new CanvasState(tokenizer, PROMPT, parts.length);
        commit(state, 0, parts);
        List<Cell> cells = state.cells();
        assertThat(cells).hasSameSizeAs(parts).first().isEqualTo(new Cell(Cell.Kind.FRESH, "漢"));
        assertThat(cells).extracting(Cell::text).filteredOn(String::isEmpty).hasSize(parts.length - 1);
    }

    @Test
    void showsIdsThatStandForNothingAsSpecial() {
        CanvasState state = new CanvasState(tokenizer, PROMPT, 1);
        commit(state, 0, 1_000_000);
        assertThat(state.cells()).containsExactly(new Cell(Cell.Kind.SPECIAL, ""));
        int digit = tokenizer.encode("7")[0];
        assertThat(AnswerText.untilEndOfTurn(tokenizer, new int[] {digit, 1_000_000, digit}))
                .isEqualTo("77");
    }

    @Test
    void anAnswerEndsWithItsTurn() {
        int[] digits = tokenizer.encode("42");
        int end = tokenizer.tokenId("<|eot_id|>").orElseThrow();
        int[] tokens = {digits[0], digits[1], end, digits[0]};
        assertThat(AnswerText.untilEndOfTurn(tokenizer, tokens)).isEqualTo("42");
        assertThat(AnswerText.untilEndOfTurn(tokenizer, digits)).isEqualTo("42");
        assertThat(AnswerText.untilEndOfTurn(tokenizer, new int[] {end, end})).isEmpty();
    }

    private static void commit(CanvasState state, int position, int... tokens) {
        List<Commit> commits = new ArrayList<>();
        for (int i = 0; i < tokens.length; i++) {
            commits.add(new Commit(PROMPT + position + i, tokens[i], 1, 0));
        }
        state.apply(new StepEvent(0, 1, AttentionMode.DENSE, List.of(), commits, 0, Positions.range(0, 1), 1));
    }
}
