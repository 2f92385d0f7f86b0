package dev.sparsed.diffusion;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TokenFilterTest {

    private static final float NO = Float.NEGATIVE_INFINITY;

    @Test
    void theTemperatureComesBeforeTopP() {
        float[] logits = {0, (float) Math.log(3), (float) Math.log(6)}; // 0.1, 0.3, 0.6
        assertThat(new TokenFilter(1, 0.5, 0).apply(logits)).containsExactly(NO, NO, logits[2]);
        assertThat(new TokenFilter(1, 0.7, 0).apply(logits)).containsExactly(NO, logits[1], logits[2]);
        // at temperature 0.5 the probabilities are 1/46, 9/46, 36/46: the first alone passes 0.7
        assertThat(new TokenFilter(0.5, 0.7, 0).apply(logits)).containsExactly(NO, NO, 2 * logits[2]);
        // at temperature 0 nothing is divided
        assertThat(new TokenFilter(0, 0.7, 0).apply(logits)).containsExactly(NO, logits[1], logits[2]);
    }

    @Test
    void topKKeepsTies() {
        assertThat(new TokenFilter(0, 1, 2).apply(new float[] {1, 3, 2, 2, 0})).containsExactly(NO, 3, 2, 2, NO);
        assertThat(new TokenFilter(0, 1, 9).apply(new float[] {1, 3})).containsExactly(1, 3);
    }

    @ParameterizedTest
    @CsvSource({"0.9, 0, 1", "0.5, 3, 0.7", "0.999999, 0, 1", "1, 7, 3", "0.3, 50, 0.1", "0.95, 20, 8"})
    void dropsWhatALiteralImplementationDrops(double topP, int topK, double temperature) {
        SplittableRandom random = new SplittableRandom(5);
        for (int round = 0; round < 50; round++) {
            float[] logits = new float[301];
            double spread = Math.exp(random.nextDouble(-2, 5));
            for (int i = 0; i < logits.length; i++) {
                logits[i] = (float) ((random.nextDouble() - 0.5) * spread);
            }
            float[] filtered = new TokenFilter(temperature, topP, topK).apply(logits);
            List<Integer> kept = IntStream.range(0, logits.length)
                    .filter(i -> filtered[i] != NO)
                    .boxed()
                    .toList();
            assertThat(kept).isEqualTo(kept(logits, topP, topK, temperature));
        }
    }

    /** Sort all tokens, walk down while the sum of the probabilities before is at most topP, then cut at topK. */
    private static List<Integer> kept(float[] logits, double topP, int topK, double temperature) {
        Integer[] order = new Integer[logits.length];
        Arrays.setAll(order, i -> i);
        Arrays.sort(order, Comparator.comparingDouble(i -> -logits[i]));
        double sum = 0;
        for (float logit : logits) {
            sum += Math.exp((logit - logits[order[0]]) / temperature);
        }
        List<Integer> kept = new ArrayList<>();
        double before = 0;
        for (int i = 0; i < order.length && (before <= topP || topP == 1) && (topK == 0 || i < topK); i++) {
            kept.add(order[i]);
            before += Math.exp((logits[order[i]] - logits[order[0]]) / temperature) / sum;
        }
        kept.sort(null);
        return kept;
    }

    @Test
    void forbiddenTokensStayForbidden() {
        float[] logits = {NO, 1, NO, 2};
        for (TokenFilter filter : List.of(
                new TokenFilter(0.5, 1, 0),
                new TokenFilter(1, 1 - 1e-9, 0),
                new TokenFilter(1, 1, 3),
                new TokenFilter(1, 0.99999, 3))) {
            float[] filtered = filter.apply(logits);
            assertThat(filtered[0]).isEqualTo(NO);
            assertThat(filtered[2]).isEqualTo(NO);
            assertThat(filtered[3]).isGreaterThan(NO);
        }
    }

    @Test
    void confidencesFollowTheirFormulas() {
        float[] logits = {0, (float) Math.log(3), (float) Math.log(6)};
        TokenDistribution all = new TokenDistribution(logits, TokenFilter.GREEDY, -1);
        TokenDistribution two = new TokenDistribution(logits, new TokenFilter(1, 1, 2), -1); // 1/3, 2/3
        SplittableRandom random = new SplittableRandom(1);
        assertThat((double) new LowConfidence().of(all, 2, random)).isCloseTo(0.6, within(1e-6));
        assertThat((double) new LowConfidence().of(two, 2, random)).isCloseTo(0.6, within(1e-6));
        assertThat((double) new MaskgitPlus().of(two, 2, random)).isCloseTo(2 / 3.0, within(1e-6));
        assertThat((double) new TopkMargin().of(all, 2, random)).isCloseTo(0.3, within(1e-6));
        assertThat((double) new TopkMargin().of(two, 2, random)).isCloseTo(1 / 3.0, within(1e-6));
        double entropy = 0.1 * Math.log(0.1) + 0.3 * Math.log(0.3) + 0.6 * Math.log(0.6);
        assertThat((double) new NegativeEntropy().of(all, 2, random)).isCloseTo(entropy, within(1e-6));
        assertThat(all.entropy()).isCloseTo(-entropy, within(1e-6));
        double ofTwo = Math.log(1 / 3.0) / 3 + 2 * Math.log(2 / 3.0) / 3;
        assertThat((double) new NegativeEntropy().of(two, 2, random)).isCloseTo(ofTwo, within(1e-6));
        assertThat(two.entropy()).isCloseTo(-entropy, within(1e-6)); // of the raw softmax
        assertThat(all.logProbability(1)).isCloseTo(Math.log(0.3), within(1e-6));
    }

    @Test
    void theBarredTokenIsNeverChosen() {
        float[] logits = {0, 5, 3};
        SplittableRandom random = new SplittableRandom(1);
        TokenDistribution one = new TokenDistribution(logits, new TokenFilter(0, 1, 1), 1);
        assertThat(one.choose(random)).isEqualTo(2); // although the filter leaves token 1 alone
        TokenDistribution hot = new TokenDistribution(logits, new TokenFilter(3, 1, 0), 1);
        assertThat(IntStream.range(0, 1000).map(i -> hot.choose(random)).boxed().toList())
                .contains(0, 2)
                .doesNotContain(1);
        assertThat(new TokenDistribution(logits, TokenFilter.GREEDY, 1).margin())
                .isNegative();
    }

    @Test
    void refusesWhatIsOutOfRange() {
        assertThatIllegalArgumentException().isThrownBy(() -> new TokenFilter(-1, 1, 0));
        assertThatIllegalArgumentException().isThrownBy(() -> new TokenFilter(0, 1.5, 0));
        assertThatIllegalArgumentException().isThrownBy(() -> new TokenFilter(0, 1, -1));
    }
}
