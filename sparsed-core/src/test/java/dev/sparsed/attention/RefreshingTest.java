package dev.sparsed.attention;

import static dev.sparsed.attention.AttentionMode.BLOCK_SPARSE;
import static dev.sparsed.attention.AttentionMode.DENSE;
import static dev.sparsed.attention.AttentionMode.DENSE_AND_SELECT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class RefreshingTest {

    private static final GenerationShape SHAPE = new GenerationShape(64, 32, 12, 2, 2);
    private static final SparseD METHOD = new SparseD(0.1, 0.3, 8); // e = 2

    @Test
    void selectsInTheStepAfterASampleBelowTheBound() {
        AttentionPlan plan = METHOD.refreshing(0.9, 2).plan(SHAPE);
        BlockPattern pattern = BlockPattern.full(SHAPE.blocks(8), 2);
        List<AttentionMode> modes = new ArrayList<>();
        List<Integer> sampled = new ArrayList<>();
        for (int step = 0; step < 12; step++) {
            AttentionMode mode = plan.begin(step);
            modes.add(mode);
            if (mode.selects()) {
                plan.keep(0, pattern);
                plan.keep(1, pattern);
            }
            if (plan.samples()) {
                sampled.add(step);
                plan.keepSample(new double[] {1, 0.95});
                plan.keepSample(new double[] {step == 6 ? 0.89 : 0.9, 1}); // one head of one layer is enough
            }
        }
        assertThat(sampled).containsExactly(4, 6, 9, 11);
        assertThat(modes)
                .containsExactly(
                        DENSE,
                        DENSE,
                        DENSE_AND_SELECT,
                        BLOCK_SPARSE,
                        BLOCK_SPARSE,
                        BLOCK_SPARSE,
                        BLOCK_SPARSE,
                        DENSE_AND_SELECT,
                        BLOCK_SPARSE,
                        BLOCK_SPARSE,
                        BLOCK_SPARSE,
                        BLOCK_SPARSE);
        assertThat(plan.report().sampledMass())
                .hasSize(4)
                .element(1)
                .isEqualTo(new KeptMass(6, List.of(List.of(1.0, 0.95), List.of(0.89, 1.0))));
        assertThat(plan.report().sampledMass().get(1).least()).isEqualTo(0.89);
        assertThat(plan.report().sampledMass().get(1).mean()).isEqualTo((1 + 0.95 + 0.89 + 1) / 4);
        assertThat(plan.policy()).isEqualTo(METHOD.refreshing(0.9, 2));
    }

    @Test
    void samplesWithoutABoundWhenMeasured() {
        AttentionPlan plan = METHOD.measured(3).plan(SHAPE);
        for (int step = 0; step < 12; step++) {
            assertThat(plan.begin(step)).isEqualTo(METHOD.plan(SHAPE).at(step));
            assertThat(plan.samples()).isEqualTo(step == 5 || step == 8 || step == 11);
            if (plan.samples()) {
                plan.keepSample(new double[2]);
                plan.keepSample(new double[2]);
            }
        }
        assertThat(plan.policy()).isEqualTo(METHOD);
        AttentionPlan both = METHOD.refreshing(0.9, 2).measured(3).plan(SHAPE);
        both.begin(3);
        both.begin(4);
        assertThat(both.samples()).isTrue();
        assertThat(both.measures(DENSE_AND_SELECT)).isTrue();
    }

    @Test
    void refusesWhatCannotBeRefreshed() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new SlidingWindow(0.3, 8).refreshing(0.9, 2).plan(SHAPE))
                .withMessageContaining(
                        "SlidingWindow[select=0.3, blockSize=8] has patterns that are known from the start");
        assertThat(AttentionPolicy.dense().refreshing(0.9, 2).plan(SHAPE).policy())
                .isEqualTo(AttentionPolicy.dense());
        assertThatIllegalArgumentException().isThrownBy(() -> METHOD.refreshing(1.1, 2));
        assertThatIllegalArgumentException().isThrownBy(() -> METHOD.refreshing(0.9, 0));
        assertThatIllegalArgumentException().isThrownBy(() -> METHOD.measured(0));
    }
}
