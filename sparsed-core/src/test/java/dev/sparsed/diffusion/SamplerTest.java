package dev.sparsed.diffusion;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sparsed.BackendInfo;
import dev.sparsed.internal.cpu.CpuBackend;
import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.scalar.ScalarKernels;
import dev.sparsed.spi.Backend;
import dev.sparsed.spi.ExecutionContext;
import dev.sparsed.spi.Positions;
import java.util.HashSet;
import java.util.Set;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class SamplerTest {

    private final Backend backend = new CpuBackend(new BackendInfo("scalar", "test", 1, ""), ScalarKernels::new);
    private final ExecutionContext context = backend.newContext();

    @AfterEach
    void close() {
        context.close();
        backend.close();
    }

    private Candidates sample(Sampler sampler, int step, Positions eligible, float... row) {
        Matrix logits = Matrix.zeros(eligible.count(), row.length);
        for (int i = 0; i < eligible.count(); i++) {
            System.arraycopy(row, 0, logits.data(), logits.row(i), row.length);
        }
        return sampler.sample(logits, eligible, step, context);
    }

    @Test
    void temperatureZeroTakesTheMostLikelyAndItsProbability() {
        Sampler sampler = new Sampler(0, Remasking.LOW_CONFIDENCE, 1);
        Candidates candidates = sample(sampler, 0, Positions.of(4), 1f, 3f, 3f, 2f);
        assertThat(candidates.tokens()).containsExactly(1); // the lower of the two
        double sum = Math.exp(-2) + 1 + 1 + Math.exp(-1);
        assertThat(candidates.confidences()[0]).isEqualTo((float) (1 / sum));
    }

    @Test
    void gumbelMaxDrawsFromTheSoftmaxAtTemperatureOne() {
        // At temperature t the form draws from softmax(z / t). chi-square with 3 degrees of freedom: 16.27 is its 99.9
        // % point.
        double[] temperatures = {0.5, 1, 2};
        float[] logits = {0f, 0.5f, 1f, -1f};
        for (double temperature : temperatures) {
            int draws = 20_000;
            int[] counts = new int[logits.length];
            Sampler sampler = new Sampler(temperature, Remasking.LOW_CONFIDENCE, 42);
            Candidates candidates = sample(sampler, 3, Positions.range(0, draws), logits);
            for (int token : candidates.tokens()) {
                counts[token]++;
            }
            double sum = 0;
            for (float logit : logits) {
                sum += Math.exp(logit / temperature);
            }
            double chiSquare = 0;
            for (int token = 0; token < logits.length; token++) {
                double expected = draws * Math.exp(logits[token] / temperature) / sum;
                chiSquare += (counts[token] - expected) * (counts[token] - expected) / expected;
            }
            assertThat(chiSquare).as("temperature " + temperature).isLessThan(16.27);
        }
    }

    @Test
    void confidenceIsTheProbabilityUnderTheRawLogits() {
        Candidates candidates =
                sample(new Sampler(1.5, Remasking.LOW_CONFIDENCE, 7), 0, Positions.range(0, 50), 0f, 1f, 2f);
        double sum = 1 + Math.exp(1) + Math.exp(2);
        for (int i = 0; i < 50; i++) {
            assertThat((double) candidates.confidences()[i])
                    .isCloseTo(Math.exp(candidates.tokens()[i]) / sum, Offset.offset(1e-6));
        }
    }

    @Test
    void randomConfidencesAreUniformAndOfTheirOwn() {
        Sampler sampler = new Sampler(0, Remasking.RANDOM, 11);
        Candidates candidates = sample(sampler, 0, Positions.range(0, 10_000), 0f, 5f);
        assertThat(candidates.tokens()).containsOnly(1);
        int[] deciles = new int[10];
        Set<Float> distinct = new HashSet<>();
        for (float confidence : candidates.confidences()) {
            assertThat(confidence).isBetween(0f, 1f);
            deciles[Math.min(9, (int) (confidence * 10))]++;
            distinct.add(confidence);
        }
        double chiSquare = 0;
        for (int count : deciles) {
            chiSquare += (count - 1000.0) * (count - 1000.0) / 1000;
        }
        assertThat(chiSquare).isLessThan(27.88); // 9 degrees of freedom, 99.9 %
        assertThat(distinct).hasSizeGreaterThan(9_900);
    }

    @Test
    void randomNumbersDependOnSeedStepAndPositionAlone() {
        float[] logits = new float[200];
        Sampler sampler = new Sampler(1, Remasking.RANDOM, 5);
        Candidates all = sample(sampler, 2, Positions.of(3, 8, 9, 40), logits);
        Candidates few = sample(sampler, 2, Positions.of(9, 40), logits);
        assertThat(few.tokens()).containsExactly(all.tokens()[2], all.tokens()[3]);
        assertThat(few.confidences()).containsExactly(all.confidences()[2], all.confidences()[3]);
        assertThat(sample(sampler, 3, Positions.of(3, 8, 9, 40), logits).tokens())
                .isNotEqualTo(all.tokens());
        assertThat(sample(new Sampler(1, Remasking.RANDOM, 6), 2, Positions.of(3, 8, 9, 40), logits)
                        .tokens())
                .isNotEqualTo(all.tokens());
    }
}
