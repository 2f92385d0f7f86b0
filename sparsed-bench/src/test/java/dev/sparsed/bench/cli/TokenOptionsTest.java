package dev.sparsed.bench.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.sparsed.GenerationRequest;
import dev.sparsed.bench.DemoModel;
import dev.sparsed.text.Tokenizer;
import java.util.Arrays;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;

/** Tokens and templates on the command line, with the demo model's tokenizer. */
@TestInstance(Lifecycle.PER_CLASS)
class TokenOptionsTest {

    private static final int END_OF_TEXT = 2043;

    private DemoModel demo;
    private Tokenizer tokenizer;

    @BeforeAll
    void load() {
        demo = DemoModel.open();
        tokenizer = Tokenizer.load(demo.folder());
    }

    @AfterAll
    void close() {
        tokenizer.close();
        demo.close();
    }

    @Test
    void aNumberIsAnIdAndAQuotedOneIsText() {
        assertThat(TokenArgument.id("--stop-token", "17", tokenizer)).isEqualTo(17);
        assertThat(TokenArgument.id("--stop-token", "<|endoftext|>", tokenizer)).isEqualTo(END_OF_TEXT);
        int seven = TokenArgument.id("--stop-token", "\"7\"", tokenizer);
        assertThat(tokenizer.token(seven)).isEqualTo("7");
    }

    @Test
    void refusesWhatIsNotOneToken() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> TokenArgument.id("--forbid", "\"7\"\"8\"", tokenizer))
                .withMessageContaining("--forbid \"7\"\"8\": is ")
                .withMessageContaining("must be one");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> TokenArgument.id("--forbid", "", tokenizer))
                .withMessageContaining("is 0 tokens");
    }

    @Test
    void gapsBecomeMasksAndTheRestIsTokenizedPieceByPiece() {
        int[] tokens = InfillTemplate.tokens("1[MASK]+[MASK*3]<|endoftext|>", tokenizer);
        int one = tokenizer.encode("1")[0];
        int plus = tokenizer.encode("+")[0];
        int mask = GenerationRequest.MASK;
        assertThat(tokens).containsExactly(one, mask, plus, mask, mask, mask, END_OF_TEXT);
        assertThat(InfillTemplate.tokens("[MASK*2]", tokenizer)).containsExactly(mask, mask);
        assertThat(Arrays.stream(InfillTemplate.tokens("[MASK][mask]", tokenizer))
                        .filter(token -> token == mask)
                        .count())
                .isEqualTo(1); // the marker is in capitals
    }

    @Test
    void aTemplateWithoutAGapIsRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> InfillTemplate.tokens("[MASK*0]\033", tokenizer))
                .withMessage("--infill \"[MASK*0]?\": has no gap; [MASK] stands for one token, [MASK*8] for eight");
    }
}
