package dev.sparsed.attention;

import static dev.sparsed.attention.AttentionMode.BLOCK_SPARSE;
import static dev.sparsed.attention.AttentionMode.DENSE;
import static dev.sparsed.attention.AttentionMode.DENSE_AND_SELECT;
import static dev.sparsed.attention.AttentionMode.SELECT_AND_SPARSE;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sparsed.attention.SparseDAblation.Part;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SparseDAblationTest {

    private static final SparseD METHOD = new SparseD(0.25, 0.3, 8);

    private static AttentionPlan plan(Part part, int steps) {
        return METHOD.without(part).plan(new GenerationShape(100, 40, steps, 2, 3));
    }

    private static List<AttentionMode> modes(Part part, int steps) {
        AttentionPlan plan = plan(part, steps);
        return IntStream.range(0, steps).mapToObj(plan::at).toList();
    }

    @Test
    void withoutReuseEverySparseStepSelects() {
        assertThat(modes(Part.REUSE, 8)) // e = 3
                .containsExactly(
                        DENSE,
                        DENSE,
                        DENSE,
                        DENSE,
                        SELECT_AND_SPARSE,
                        SELECT_AND_SPARSE,
                        SELECT_AND_SPARSE,
                        SELECT_AND_SPARSE);
        assertThat(modes(Part.REUSE, 2)).containsOnly(DENSE);
        assertThat(plan(Part.REUSE, 8).rule()).isEqualTo(new RatioRule(new BlockLayout(100, 40, 8), 0.3));
    }

    @Test
    void withoutSkipNoStepIsDense() {
        assertThat(modes(Part.SKIP, 4)).containsExactly(SELECT_AND_SPARSE, BLOCK_SPARSE, BLOCK_SPARSE, BLOCK_SPARSE);
    }

    @Test
    void withoutDenseSelectionTheSelectingStepIsSparse() {
        assertThat(modes(Part.DENSE_SELECTION, 6))
                .containsExactly(DENSE, DENSE, SELECT_AND_SPARSE, BLOCK_SPARSE, BLOCK_SPARSE, BLOCK_SPARSE);
        assertThat(modes(Part.DENSE_SELECTION, 2)).containsOnly(DENSE);
    }

    @Test
    void withoutIsolationAllBlocksCompeteForOneBudget() {
        assertThat(modes(Part.ISOLATION, 6))
                .containsExactly(DENSE, DENSE, DENSE_AND_SELECT, BLOCK_SPARSE, BLOCK_SPARSE, BLOCK_SPARSE);
        RatioRule rule = (RatioRule) plan(Part.ISOLATION, 6).rule();
        assertThat(rule.layout().firstGenerationBlock()).isZero(); // so no prompt block is selected apart
        assertThat(rule.generationBudget()).isEqualTo(4); // of 13 blocks
    }

    @Test
    void autoIsDenseOnShortCanvases() {
        AttentionPlan shortCanvas = SparseD.auto().plan(new GenerationShape(4095, 64, 16, 2, 3));
        assertThat(shortCanvas.policy()).isEqualTo(AttentionPolicy.dense());
        assertThat(IntStream.range(0, 16).mapToObj(shortCanvas::at)).containsOnly(DENSE);
        AttentionPlan longCanvas = SparseD.auto().plan(new GenerationShape(4096, 64, 16, 2, 3));
        assertThat(longCanvas.policy()).isEqualTo(SparseD.longContext());
        assertThat(longCanvas.at(15)).isEqualTo(BLOCK_SPARSE);
    }
}
