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

    private static Sampler sampler(double temperature, Remasking remasking, long seed) {
        return new Sampler(
                new TokenFilter(temperature, 1, 0), remasking.confidence(), 0, LogitAdjustment.NONE, -1, false, seed);
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
        Sampler sampler = sampler(0, Remasking.LOW_CONFIDENCE, 1);
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
            Sampler sampler = sampler(temperature, Remasking.LOW_CONFIDENCE, 42);
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
                sample(sampler(1.5, Remasking.LOW_CONFIDENCE, 7), 0, Positions.range(0, 50), 0f, 1f, 2f);
        double sum = 1 + Math.exp(1) + Math.exp(2);
        for (int i = 0; i < 50; i++) {
            assertThat((double) candidates.confidences()[i])
                    .isCloseTo(Math.exp(candidates.tokens()[i]) / sum, Offset.offset(1e-6));
        }
    }

    @Test
    void randomConfidencesAreUniformAndOfTheirOwn() {
        Sampler sampler = sampler(0, Remasking.RANDOM, 11);
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
        Sampler sampler = sampler(1, Remasking.RANDOM, 5);
        Candidates all = sample(sampler, 2, Positions.of(3, 8, 9, 40), logits);
        Candidates few = sample(sampler, 2, Positions.of(9, 40), logits);
        assertThat(few.tokens()).containsExactly(all.tokens()[2], all.tokens()[3]);
        assertThat(few.confidences()).containsExactly(all.confidences()[2], all.confidences()[3]);
        assertThat(sample(sampler, 3, Positions.of(3, 8, 9, 40), logits).tokens())
                .isNotEqualTo(all.tokens());
        assertThat(sample(sampler(1, Remasking.RANDOM, 6), 2, Positions.of(3, 8, 9, 40), logits)
                        .tokens())
                .isNotEqualTo(all.tokens());
    }

    @Test
    void filteredDrawsComeFromTheFilteredSoftmax() {
        // 0.5, 0.3, 0.15, 0.05: top-p 0.7 keeps two, drawn 5 : 3. Chi-square with 1 degree of freedom: 10.83 is its
        // 99.9 % point.
        float[] logits = {(float) Math.log(0.5), (float) Math.log(0.3), (float) Math.log(0.15), (float) Math.log(0.05)};
        int draws = 20_000;
        Sampler sampler =
                new Sampler(new TokenFilter(1, 0.7, 0), new MaskgitPlus(), 0, LogitAdjustment.NONE, -1, false, 17);
        int first = 0;
        for (int token : sample(sampler, 1, Positions.range(0, draws), logits).tokens()) {
            assertThat(token).isLessThan(2);
            first += 1 - token;
        }
        double expected = draws * 5.0 / 8;
        double chiSquare = (first - expected) * (first - expected) * (1 / expected + 1 / (draws - expected));
        assertThat(chiSquare).isLessThan(10.83);
    }

    @Test
    void algTempDrawsPositionsWithoutReplacement() {
        // One row per position; confidences 0.9, 0.6, 0.3 of token 1. Two of three are drawn from softmax(c / 0.5): the
        // ordered pair (i, j) has the probability p_i p_j / (1 - p_i). 5 degrees of freedom, 99.9 %: 20.52.
        float[] confidence = {0.9f, 0.6f, 0.3f};
        double[] weight = new double[3];
        double sum = 0;
        for (int i = 0; i < 3; i++) {
            weight[i] = Math.exp(confidence[i] / 0.5);
            sum += weight[i];
        }
        Confidence fixed = (distribution, token, random) -> confidence[token];
        int draws = 20_000;
        int[][] counts = new int[3][3];
        Matrix logits = Matrix.zeros(3, 3);
        for (int i = 0; i < 3; i++) {
            logits.data()[logits.row(i) + i] = 1; // row i chooses token i
        }
        Sampler sampler = new Sampler(TokenFilter.GREEDY, fixed, 0.5, LogitAdjustment.NONE, -1, false, 23);
        for (int step = 0; step < draws; step++) {
            int[] drawn =
                    sampler.sample(logits, Positions.of(4, 7, 9), step, context).first(2);
            counts[drawn[0]][drawn[1]]++;
        }
        double chiSquare = 0;
        for (int i = 0; i < 3; i++) {
            for (int j = 0; j < 3; j++) {
                if (i != j) {
                    double expected = draws * weight[i] / sum * weight[j] / (sum - weight[i]);
                    chiSquare += (counts[i][j] - expected) * (counts[i][j] - expected) / expected;
                }
            }
        }
        assertThat(chiSquare).isLessThan(20.52);
    }

    @Test
    void originCommitsTheShareOfItsTimestep() {
        // 1 degree of freedom, 99.9 %: 10.83
        OriginSchedule origin = new OriginSchedule(new TimestepSchedule(1e-3));
        int masks = 20_000;
        for (int step = 0; step < 3; step++) {
            Candidates candidates = sample(sampler(0, Remasking.ORIGIN, 3), step, Positions.range(0, masks), 0f, 1f);
            int committed = origin.choose(candidates, new BlockStep(step, 4, masks)).length;
            double expected = masks * (0.24975 / (1 - step * 0.24975));
            double chiSquare =
                    (committed - expected) * (committed - expected) * (1 / expected + 1 / (masks - expected));
            assertThat(chiSquare).as("step " + step).isLessThan(10.83);
        }
    }

    @Test
    void theMaskTokenIsNeverACandidate() {
        float[] row = {1f, 9f, 3f};
        Sampler sampler = new Sampler(TokenFilter.GREEDY, new LowConfidence(), 0, LogitAdjustment.NONE, 1, false, 1);
        Candidates candidates = sample(sampler, 0, Positions.of(5, 6), row);
        assertThat(candidates.tokens()).containsExactly(2, 2);
        double sum = Math.exp(-8) + 1 + Math.exp(-6);
        assertThat((double) candidates.confidences()[0]).isCloseTo(Math.exp(-6) / sum, Offset.offset(1e-7));
        assertThat(candidates.logProbabilities()[0]).isCloseTo(-6 - Math.log(sum), Offset.offset(1e-6));
    }

    @Test
    void greedyOnTheDeviceAndOnTheHostAgree() {
        float[] row = {0.25f, -1f, 2f, 2f, 1.5f};
        for (Remasking remasking : Remasking.values()) {
            Candidates device = sample(sampler(0, remasking, 9), 4, Positions.of(2, 3, 11), row);
            Sampler host = new Sampler(
                    TokenFilter.GREEDY, remasking.confidence(), 0, (step, position, logits) -> {}, -1, true, 9);
            Candidates candidates = sample(host, 4, Positions.of(2, 3, 11), row);
            assertThat(candidates.tokens()).isEqualTo(device.tokens());
            assertThat(candidates.confidences()).containsExactly(device.confidences(), Offset.offset(1e-6f));
            assertThat(candidates.logProbabilities()).containsExactly(device.logProbabilities(), Offset.offset(1e-6));
        }
    }

    @Test
    void adjustmentsComeBeforeEverythingElse() {
        LogitAdjustment forbid = (step, position, logits) -> logits[2] = Float.NEGATIVE_INFINITY;
        LogitAdjustment bias = (step, position, logits) -> logits[0] += position;
        Sampler sampler = new Sampler(TokenFilter.GREEDY, new LowConfidence(), 0, forbid.then(bias), -1, true, 1);
        Candidates candidates = sample(sampler, 0, Positions.of(0, 4), 0f, 1f, 5f);
        assertThat(candidates.tokens()).containsExactly(1, 0);
        assertThat((double) candidates.confidences()[0])
                .isCloseTo(Math.E / (1 + Math.E), Offset.offset(1e-6)); // of two tokens
        assertThat(LogitAdjustment.NONE.then(LogitAdjustment.NONE).isNone()).isTrue();
    }
}
