package dev.sparsed.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.sparsed.DiffusionModel;
import dev.sparsed.GenerationCancelledException;
import dev.sparsed.LoadOptions;
import dev.sparsed.attention.AttentionMode;
import dev.sparsed.bench.ForwardRun.Kind;
import dev.sparsed.bench.ForwardRun.Outcome;
import dev.sparsed.spi.DType;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ForwardRunTest {

    private static final ModelShape TINY = new ModelShape(32, 3, 2, 48, 64);

    @Test
    void timesEveryKindOfStep() {
        try (RandomCheckpoint checkpoint = RandomCheckpoint.write(TINY, DType.BF16, 64, 7);
                DiffusionModel model = DiffusionModel.load(checkpoint.folder(), LoadOptions.DEFAULT.withThreads(1))) {
            Outcome outcome = new ForwardRun(model, TINY, 3, 2, 0.3, 8).run(64, 16, () -> false);
            assertThat(outcome.kinds()).containsOnlyKeys(ForwardRun.KINDS);
            assertThat(outcome.kinds().values()).allSatisfy(kind -> {
                assertThat(kind.seconds()).isPositive();
                assertThat(kind.gflops()).isPositive();
            });
            assertThat(outcome.density()).isBetween(0.1, 0.9);

            Outcome longer = new ForwardRun(model, TINY, 3000, 2, 0.3, 8).run(64, 16, () -> false);
            assertThat(longer.kinds().get(AttentionMode.DENSE).seconds())
                    .isGreaterThan(10 * outcome.kinds().get(AttentionMode.DENSE).seconds());

            assertThatThrownBy(() -> new ForwardRun(model, TINY, 3, 2, 0.3, 8).run(64, 16, () -> true))
                    .isInstanceOf(GenerationCancelledException.class);
        }
    }

    /** T = 10, s = 0.2: e = 3, so three dense steps, the selecting one, and six block-sparse ones. */
    @Test
    void addsUpAGeneration() {
        Outcome outcome = new Outcome(
                Map.of(
                        AttentionMode.DENSE, new Kind(100, 1, 0),
                        AttentionMode.DENSE_AND_SELECT, new Kind(10, 1, 0),
                        AttentionMode.BLOCK_SPARSE, new Kind(1, 1, 0)),
                0.3);
        assertThat(outcome.denseGeneration(10)).isEqualTo(1000, within(1e-9));
        assertThat(outcome.sparseGeneration(10, 0.2)).isEqualTo(316, within(1e-9));
        assertThat(outcome.sparseGeneration(10, 1)).isEqualTo(1000, within(1e-9)); // never selects
    }
}
