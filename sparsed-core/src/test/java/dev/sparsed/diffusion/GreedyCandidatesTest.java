package dev.sparsed.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import dev.sparsed.internal.scalar.ScalarBackendProvider;
import dev.sparsed.spi.Backend;
import dev.sparsed.spi.BackendOptions;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.ExecutionContext;
import dev.sparsed.spi.GreedyCandidates;
import dev.sparsed.spi.Tensor;
import java.util.Random;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** What a device says of a greedy candidate is what the whole distribution says of it. */
class GreedyCandidatesTest {

    @Test
    void statisticsAreThoseOfTheDistribution() {
        int vocabulary = 1000;
        Random random = new Random(1);
        for (float spread : new float[] {0.01f, 1, 20}) {
            float[] row = new float[vocabulary];
            for (int i = 0; i < vocabulary; i++) {
                row[i] = spread * (float) random.nextGaussian();
            }
            row[7] = Float.NEGATIVE_INFINITY;
            TokenDistribution expected = new TokenDistribution(row, TokenFilter.GREEDY, -1);
            GreedyCandidates greedy = greedy(row);
            int token = expected.choose(new SplittableRandom(0));
            assertThat(greedy.tokens()[0]).isEqualTo(token);
            assertThat(greedy.probabilities()[0]).isCloseTo((float) expected.filteredProbability(token), within(1e-6f));
            assertThat(greedy.margins()[0]).isCloseTo((float) expected.margin(), within(1e-6f));
            assertThat(greedy.negativeEntropies()[0]).isCloseTo((float) expected.negativeEntropy(1e-10), within(1e-6f));
        }
    }

    private static GreedyCandidates greedy(float[] row) {
        GreedyCandidates greedy = GreedyCandidates.withStatistics(1);
        try (Backend backend = new ScalarBackendProvider().open(new BackendOptions(1, DType.F32));
                ExecutionContext context = backend.newContext()) {
            Tensor logits = backend.constant(row, 1, row.length);
            context.greedy(logits, greedy);
        }
        return greedy;
    }

    @Test
    void allArraysHaveOneLength() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new GreedyCandidates(new int[2], new float[2], new float[1], null))
                .withMessageContaining("1 margins");
    }
}
