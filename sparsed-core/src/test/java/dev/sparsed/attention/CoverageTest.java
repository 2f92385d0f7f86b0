package dev.sparsed.attention;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CoverageTest {

    private static final BlockLayout LAYOUT = new BlockLayout(80, 40, 8);

    @ParameterizedTest
    @CsvSource({
        // coverage, floor, cap, taken of 0, 1, 2, 3, 4 (10 in all)
        "0.4, 0, 1, 1",
        "0.41, 0, 1, 2",
        "0.7, 0, 1, 2",
        "0.71, 0, 1, 3",
        "1, 0, 1, 4", // the fifth adds nothing
        "0, 0, 1, 1",
        "0.1, 0.4, 1, 3",
        "0.1, 1, 1, 5",
        "1, 0, 0.2, 2",
        "1, 0, 0, 1"
    })
    void takesTheFewestBlocksThatCover(double coverage, double floor, double cap, int taken) {
        double[] ascending = {0, 1, 2, 3, 4, Double.NaN};
        assertThat(new CoverageRule(LAYOUT, coverage, floor, cap).budget(ascending, 5))
                .isEqualTo(taken);
    }

    @Test
    void takesTheFloorWhereNothingMatters() {
        assertThat(new CoverageRule(LAYOUT, 0.9, 0.5, 1).budget(new double[4], 4))
                .isEqualTo(3);
    }

    @Test
    void schedulesAsSparseD() {
        GenerationShape shape = new GenerationShape(80, 40, 16, 2, 3);
        AttentionPlan plan = new Coverage(0.25, 0.9, 0.1, 0.8, 8).plan(shape);
        AttentionPlan sparseD = new SparseD(0.25, 0.9, 8).plan(shape);
        for (int step = 0; step < 16; step++) {
            assertThat(plan.at(step)).isEqualTo(sparseD.at(step));
        }
        assertThat(plan.rule()).isEqualTo(new CoverageRule(LAYOUT.allGeneration(), 0.9, 0.1, 0.8));
    }

    @Test
    void choosesAllBlocksTogetherUnlessIsolated() {
        GenerationShape shape = new GenerationShape(80, 40, 16, 2, 3);
        assertThat(new Coverage(0.25, 0.9, 0, 1, 8, true).plan(shape).rule())
                .isEqualTo(new CoverageRule(LAYOUT, 0.9, 0, 1));
        assertThat(new Coverage(0.25, 0.9, 0, 1, 8)).isEqualTo(new Coverage(0.25, 0.9, 0, 1, 8, false));
        assertThat(Coverage.shortContext().isolated()).isFalse();
    }

    @Test
    void refusesWhatIsOutOfRange() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Coverage(0.2, 1.1, 0, 1, 8))
                .withMessageContaining("coverage = 1.1");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Coverage(0.2, 0.9, 0.5, 0.4, 8))
                .withMessageContaining("cap = 0.4");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Coverage(0.2, 0.9, -1, 0.4, 8))
                .withMessageContaining("floor = -1");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Coverage(-1, 0.9, 0, 1, 8))
                .withMessageContaining("skip");
    }
}
