package dev.sparsed.attention;

import static dev.sparsed.attention.AttentionMode.BLOCK_SPARSE;
import static dev.sparsed.attention.AttentionMode.DENSE;
import static dev.sparsed.attention.AttentionMode.DENSE_AND_SELECT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SparseDTest {

    private static List<AttentionMode> modes(double skip, int steps) {
        AttentionPlan plan = new SparseD(skip, 0.3, 32).plan(new GenerationShape(256, 64, steps, 2, 3));
        return IntStream.range(0, steps).mapToObj(plan::at).toList();
    }

    @Test
    void schedulesDenseThenSelectThenSparse() {
        // e = floor(16 * 0.2) + 1 = 4
        assertThat(modes(0.2, 16).subList(0, 4)).containsOnly(DENSE);
        assertThat(modes(0.2, 16).get(4)).isEqualTo(DENSE_AND_SELECT);
        assertThat(modes(0.2, 16).subList(5, 16)).containsOnly(BLOCK_SPARSE);
    }

    @ParameterizedTest
    @CsvSource({"0, 16, 1", "0.25, 32, 9", "0.5, 37, 19", "0.2, 128, 26", "0.875, 16, 15"})
    void selectsAtStepE(double skip, int steps, int selecting) {
        List<AttentionMode> modes = modes(skip, steps);
        assertThat(modes.indexOf(DENSE_AND_SELECT)).isEqualTo(selecting < steps - 1 ? selecting : -1);
        assertThat(modes.stream().filter(DENSE_AND_SELECT::equals).count()).isLessThanOrEqualTo(1);
    }

    @ParameterizedTest
    @CsvSource({"0.2, 1", "0.2, 2", "0, 1", "0, 2", "1, 16", "1.5, 16", "1e300, 16", "0.9, 4"})
    void staysDenseWhereNoSparseStepWouldFollow(double skip, int steps) {
        assertThat(modes(skip, steps)).containsOnly(DENSE);
    }

    @Test
    void aNumberOfDenseStepsMayBeGiven() {
        AttentionPlan plan = new SparseD(0.2, 0.3, 32).afterSteps(3).plan(new GenerationShape(256, 64, 64, 2, 3));
        assertThat(IntStream.range(0, 5).mapToObj(plan::at).toList())
                .containsExactly(DENSE, DENSE, DENSE_AND_SELECT, BLOCK_SPARSE, BLOCK_SPARSE);
        AttentionPlan tooShort = new SparseD(0.2, 0.3, 32).afterSteps(3).plan(new GenerationShape(256, 64, 3, 2, 3));
        assertThat(IntStream.range(0, 3).mapToObj(tooShort::at).toList()).containsOnly(DENSE);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> SparseD.longContext().afterSteps(0))
                .withMessageContaining("denseSteps = 0");
    }

    @Test
    void presetsAreThePapers() {
        assertThat(SparseD.longContext()).isEqualTo(new SparseD(0.2, 0.3, 128));
        assertThat(SparseD.shortContext()).isEqualTo(new SparseD(0.2, 0.5, 32));
    }

    @Test
    void refusesWhatIsOutOfRange() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new SparseD(-0.1, 0.3, 32))
                .withMessageContaining("skip = -0.1");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new SparseD(Double.NaN, 0.3, 32))
                .withMessageContaining("skip");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new SparseD(0.2, 1.1, 32))
                .withMessageContaining("select = 1.1");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new SparseD(0.2, Double.NaN, 32))
                .withMessageContaining("select");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new SparseD(0.2, 0.3, 0))
                .withMessageContaining("blockSize = 0");
    }

    @Test
    void planHoldsWhatWasSelected() {
        AttentionPlan plan = new SparseD(0.2, 0.3, 32).plan(new GenerationShape(64, 32, 16, 2, 3));
        assertThat(plan.patterns()).isEmpty();
        assertThatIllegalStateException().isThrownBy(() -> plan.pattern(1)).withMessageContaining("layer 1");
        BlockPattern pattern = BlockPattern.full(new BlockLayout(64, 32, 32), 3);
        plan.keep(1, pattern);
        assertThat(plan.pattern(1)).isSameAs(pattern);
        assertThatIllegalStateException()
                .isThrownBy(AttentionPolicy.dense().plan(new GenerationShape(64, 32, 16, 2, 3))::rule);
    }
}
