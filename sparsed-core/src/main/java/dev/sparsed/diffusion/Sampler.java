package dev.sparsed.diffusion;

import dev.sparsed.NonFiniteLogitsException;
import dev.sparsed.diffusion.Noise.Purpose;
import dev.sparsed.spi.ExecutionContext;
import dev.sparsed.spi.GreedyCandidates;
import dev.sparsed.spi.Positions;
import dev.sparsed.spi.Tensor;
import java.util.SplittableRandom;

/**
 * Turns logits into candidates: adjusts them, filters the tokens, chooses one, and says how sure it is.
 *
 * @param filter temperature, top-p and top-k
 * @param confidence how sure a candidate is
 * @param algTemp Dream's {@code alg_temp}: above 0, the positions to commit are drawn without replacement from
 *     softmax(confidence/alg_temp); as adding independent Gumbel noise to confidence/alg_temp and taking the highest
 *     does
 * @param adjustment changes the logits first
 * @param maskToken never a candidate
 * @param withEntropies whether to compute entropies, too
 * @param seed seed of all random numbers
 */
public record Sampler(
        TokenFilter filter,
        Confidence confidence,
        double algTemp,
        LogitAdjustment adjustment,
        int maskToken,
        boolean withEntropies,
        long seed) {

    /**
     * Candidates for the eligible positions.
     *
     * @param logits {@code [eligible.count(), vocabulary]}
     * @param eligible masked positions
     * @param step denoising step
     * @param context where the logits live
     * @return a candidate per position
     * @throws NonFiniteLogitsException if a position's logits have no softmax
     */
    public Candidates sample(Tensor logits, Positions eligible, int step, ExecutionContext context) {
        int count = eligible.count();
        Candidates candidates = new Candidates(
                eligible,
                new int[count],
                new float[count],
                new double[count],
                new double[count],
                new double[withEntropies ? count : 0]);
        boolean statistics = withEntropies || confidence.needs() == Confidence.Needs.STATISTICS;
        GreedyCandidates greedy = statistics ? GreedyCandidates.withStatistics(count) : GreedyCandidates.of(count);
        if (isGreedy()) {
            context.greedy(logits, greedy);
        }
        float[] row = {};
        Noise noise = new Noise(seed);
        for (int i = 0; i < count; i++) {
            if (isGreedy() && greedy.tokens()[i] != maskToken) {
                take(candidates, i, greedy, noise.at(Purpose.CONFIDENCE, step, eligible.get(i)));
            } else {
                row = row.length == 0 ? new float[logits.columns()] : row; // the device's choice needs none
                context.download(logits.slice(i, 1), row);
                choose(candidates, i, row, step, noise);
            }
            checkFinite(candidates, i, step);
            candidates.priorities()[i] = priority(candidates.confidences()[i], noise, step, eligible.get(i));
        }
        return candidates;
    }

    /**
     * The most likely token of the raw logits is the candidate: the device can tell all there is to know, and no logits
     * leave it.
     */
    private boolean isGreedy() {
        return filter.temperature() == 0
                && !filter.drops()
                && adjustment.isNone()
                && confidence.needs() != Confidence.Needs.LOGITS;
    }

    private void take(Candidates candidates, int i, GreedyCandidates greedy, SplittableRandom random) {
        candidates.tokens()[i] = greedy.tokens()[i];
        candidates.confidences()[i] = confidence.ofGreedy(greedy, i, random);
        candidates.logProbabilities()[i] = Math.log(greedy.probabilities()[i]);
        if (withEntropies) {
            candidates.entropies()[i] = Math.max(0, -greedy.negativeEntropies()[i]);
        }
    }

    private void choose(Candidates candidates, int i, float[] row, int step, Noise noise) {
        int position = candidates.positions().get(i);
        adjustment.apply(step, position, row);
        TokenDistribution distribution = new TokenDistribution(row, filter, maskToken);
        int token = distribution.choose(noise.at(Purpose.TOKEN, step, position));
        candidates.tokens()[i] = token;
        candidates.confidences()[i] = confidence.of(distribution, token, noise.at(Purpose.CONFIDENCE, step, position));
        candidates.logProbabilities()[i] = distribution.logProbability(token);
        if (withEntropies) {
            candidates.entropies()[i] = distribution.entropy();
        }
    }

    /** A NaN among the logits makes the sum of all exponentials NaN, and with it the probability of any token. */
    private static void checkFinite(Candidates candidates, int i, int step) {
        if (!Double.isFinite(candidates.logProbabilities()[i])) {
            throw new NonFiniteLogitsException(step, candidates.positions().get(i));
        }
    }

    private double priority(float confidence, Noise noise, int step, int position) {
        return algTemp == 0 ? confidence : confidence / algTemp + Noise.gumbel(noise.at(Purpose.ORDER, step, position));
    }
}
