package dev.sparsed.diffusion;

import dev.sparsed.spi.ExecutionContext;
import dev.sparsed.spi.Positions;
import dev.sparsed.spi.Tensor;
import java.util.SplittableRandom;

/**
 * Turns logits into candidates. Temperature 0 takes the most likely token. Above, LLaDA's Gumbel-max form draws one:
 * {@code argmax exp(z)/(−ln u)^temperature} with a uniform u per token, in float64, computed as {@code argmax z − temperature·ln(−ln u)},
 * which cannot overflow. Confidence is always the candidate's probability under the raw logits (or random, by {@link Remasking}).
 *
 * <p>Random numbers depend on the seed, the step and the position alone: not on what else is masked, nor on threads.
 *
 * @param temperature ≥ 0
 * @param remasking what confidence is
 * @param seed seed of all random numbers
 */
public record Sampler(double temperature, Remasking remasking, long seed) {

    /** Separates the random numbers of positions' confidences from those of their candidates. */
    private static final long CONFIDENCE_STREAM = 0x632BE59BD9B4E019L;

    /**
     * Candidates for the eligible positions.
     *
     * @param logits {@code [eligible.count(), vocabulary]}
     * @param eligible masked positions
     * @param step denoising step
     * @param context where the logits live
     * @return a candidate per position
     */
    public Candidates sample(Tensor logits, Positions eligible, int step, ExecutionContext context) {
        int count = eligible.count();
        int[] tokens = new int[count];
        float[] confidences = new float[count];
        if (temperature == 0) {
            context.greedy(logits, tokens, confidences);
        } else {
            int vocabulary = logits.columns();
            float[] row = new float[vocabulary];
            for (int i = 0; i < count; i++) {
                context.download(logits.slice(i, 1), row);
                tokens[i] = gumbelMax(row, random(step, eligible.get(i)));
                confidences[i] = probability(row, tokens[i]);
            }
        }
        if (remasking == Remasking.RANDOM) {
            for (int i = 0; i < count; i++) {
                confidences[i] = (float)
                        random(step, eligible.get(i) ^ CONFIDENCE_STREAM).nextDouble();
            }
        }
        return new Candidates(eligible, tokens, confidences);
    }

    private int gumbelMax(float[] logits, SplittableRandom random) {
        int best = 0;
        double highest = Double.NEGATIVE_INFINITY;
        for (int token = 0; token < logits.length; token++) {
            double perturbed = logits[token] - temperature * Math.log(-Math.log(random.nextDouble()));
            if (perturbed > highest) {
                highest = perturbed;
                best = token;
            }
        }
        return best;
    }

    private static float probability(float[] logits, int token) {
        double max = Double.NEGATIVE_INFINITY;
        for (float logit : logits) {
            max = Math.max(max, logit);
        }
        double sum = 0;
        for (float logit : logits) {
            sum += Math.exp(logit - max);
        }
        return (float) (Math.exp(logits[token] - max) / sum);
    }

    /** A generator for one step and stream; {@link SplittableRandom} scrambles its seed, so that neighbours are unrelated. */
    private SplittableRandom random(int step, long stream) {
        long stepSeed = new SplittableRandom(seed + step * 0x9E3779B97F4A7C15L).nextLong();
        return new SplittableRandom(new SplittableRandom(stepSeed ^ stream).nextLong());
    }
}
