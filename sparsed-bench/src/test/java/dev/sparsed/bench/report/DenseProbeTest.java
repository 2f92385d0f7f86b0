package dev.sparsed.bench.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.sparsed.attention.Antidiagonal;
import dev.sparsed.attention.AttentionMode;
import dev.sparsed.attention.AttentionPlan;
import dev.sparsed.attention.AttentionPolicy;
import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.Coverage;
import dev.sparsed.attention.CoverageRule;
import dev.sparsed.attention.GenerationShape;
import dev.sparsed.attention.RatioRule;
import dev.sparsed.attention.SlidingWindow;
import dev.sparsed.attention.SparseD;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class DenseProbeTest {

    private static AttentionPlan plan(AttentionPolicy policy, int selections, int steps) {
        return new DenseProbe(policy, selections).plan(new GenerationShape(100, 40, steps, 3, 2));
    }

    private static int[] selecting(AttentionPlan plan, int steps) {
        assertThat(IntStream.range(0, steps).mapToObj(plan::at))
                .containsAnyOf(AttentionMode.DENSE_AND_SELECT)
                .doesNotContain(AttentionMode.BLOCK_SPARSE, AttentionMode.SELECT_AND_SPARSE);
        return IntStream.range(0, steps).filter(step -> plan.at(step).selects()).toArray();
    }

    @Test
    void selectsInEveryStepOfAFew() {
        assertThat(selecting(plan(new SparseD(0.2, 0.3, 8), 16, 16), 16))
                .containsExactly(IntStream.range(0, 16).toArray());
        assertThat(selecting(plan(new SparseD(0.2, 0.3, 8), 16, 5), 5)).containsExactly(0, 1, 2, 3, 4);
        assertThat(selecting(plan(new SparseD(0.2, 0.3, 8), 16, 1), 1)).containsExactly(0);
    }

    @Test
    void ofManyTakesTheFirstTheLastAndTheOneThatThePolicyTakes() {
        assertThat(selecting(plan(new SparseD(0.2, 0.3, 8), 5, 101), 101))
                .containsExactly(0, 21, 33, 66, 100); // e = 21
        assertThat(selecting(plan(AttentionPolicy.dense(), 5, 101), 101)).containsExactly(0, 25, 50, 75, 100);
    }

    @Test
    void selectsByThePolicysRule() {
        BlockLayout layout = new BlockLayout(100, 40, 8);
        assertThat(plan(new SparseD(0.2, 0.4, 8), 4, 16).rule()).isEqualTo(new RatioRule(layout, 0.4));
        assertThat(plan(new Coverage(0.2, 0.9, 0, 1, 8, true), 4, 16).rule())
                .isEqualTo(new CoverageRule(layout, 0.9, 0, 1));
        assertThat(plan(new Antidiagonal(0.2, 0.9, 4, 8), 4, 16).hostSelection())
                .isPresent();
        assertThat(plan(new SlidingWindow(0.5, 8), 4, 16).rule()).isEqualTo(new RatioRule(layout, 0.3));
        assertThat(plan(AttentionPolicy.dense(), 4, 16).rule())
                .isEqualTo(new RatioRule(new BlockLayout(100, 40, 32), 0.3));
    }

    @Test
    void needsTwoSelections() {
        assertThatThrownBy(() -> new DenseProbe(AttentionPolicy.dense(), 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("selections = 1");
    }
}
