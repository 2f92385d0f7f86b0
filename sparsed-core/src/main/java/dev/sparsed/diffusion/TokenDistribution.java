package dev.sparsed.diffusion;

import java.util.SplittableRandom;

/**
 * What the model predicts for one mask: the raw logits z with their softmax, and the logits that {@link TokenFilter}
 * left, with theirs. One token may be barred (the mask token, which a mask must not become): it keeps its probability,
 * but is never chosen.
 */
public final class TokenDistribution {

    private final float[] raw;
    private final float[] filtered;
    private final TokenFilter filter;
    private final int barred;
    private final double rawLogSumExp;
    private final double filteredLogSumExp;

    /**
     * Looks at one row of logits.
     *
     * @param logits z, one per token of the vocabulary; −∞ forbids a token; not copied
     * @param filter what to drop
     * @param barred a token that is never chosen
     */
    public TokenDistribution(float[] logits, TokenFilter filter, int barred) {
        this.raw = logits;
        this.filter = filter;
        this.filtered = filter.apply(logits);
        this.barred = barred;
        this.rawLogSumExp = logSumExp(raw);
        this.filteredLogSumExp = filtered == raw ? rawLogSumExp : logSumExp(filtered);
    }

    /**
     * {@return the chosen token: the most likely one at temperature 0 (ties to the lower id), else a draw from the
     * filtered softmax}
     *
     * <p>The draw is LLaDA's Gumbel-max form {@code argmax exp(z)/(−ln u)^temperature} with a uniform u per token, in
     * float64, computed as {@code argmax z − temperature·ln(−ln u)}, which cannot overflow. Where the filter leaves
     * nothing but the barred token, it is the most likely of the others.
     *
     * @param random where u comes from
     */
    int choose(SplittableRandom random) {
        int best = -1;
        double highest = Double.NEGATIVE_INFINITY;
        for (int token = 0; token < raw.length; token++) {
            double noise = filter.temperature() == 0 ? 0 : filter.temperature() * Noise.gumbel(random);
            double perturbed = raw[token] + noise;
            if (perturbed > highest && token != barred && filtered[token] != Float.NEGATIVE_INFINITY) {
                highest = perturbed;
                best = token;
            }
        }
        return best >= 0 ? best : mostLikelyOfAll();
    }

    private int mostLikelyOfAll() {
        int best = -1;
        for (int token = 0; token < raw.length; token++) {
            if (token != barred && (best < 0 || raw[token] > raw[best])) {
                best = token;
            }
        }
        return best;
    }

    /**
     * {@return ln softmax(z)[token] of the raw logits}
     *
     * @param token a token id
     */
    public double logProbability(int token) {
        return raw[token] - rawLogSumExp;
    }

    /**
     * {@return softmax[token] of the filtered logits; 0 for a dropped token}
     *
     * @param token a token id
     */
    public double filteredProbability(int token) {
        return Math.exp(filtered[token] - filteredLogSumExp);
    }

    /**
     * {@return p₁ − p₂ of the filtered softmax, its largest value less its second; less than 0, p₂ − p₁, where the
     * largest is the barred token's, of which the model is surer than of any choice}
     */
    public double margin() {
        int first = -1;
        int second = -1;
        for (int token = 0; token < filtered.length; token++) {
            if (first < 0 || filtered[token] > filtered[first]) {
                second = first;
                first = token;
            } else if (second < 0 || filtered[token] > filtered[second]) {
                second = token;
            }
        }
        double margin = filteredProbability(first) - (second < 0 ? 0 : filteredProbability(second));
        return first == barred ? -margin : margin;
    }

    /**
     * {@return Σ p·ln(p + epsilon) of the filtered softmax: the entropy, negative}
     *
     * @param epsilon keeps the logarithm finite
     */
    public double negativeEntropy(double epsilon) {
        double sum = 0;
        for (float logit : filtered) {
            double p = Math.exp(logit - filteredLogSumExp);
            sum += p * Math.log(p + epsilon);
        }
        return sum;
    }

    /** {@return −Σ p·ln p of the raw softmax, in nats, ≥ 0} */
    public double entropy() {
        double sum = 0;
        for (float logit : raw) {
            double logP = logit - rawLogSumExp;
            double p = Math.exp(logP);
            sum -= p == 0 ? 0 : p * logP;
        }
        return Math.max(0, sum);
    }

    /** {@return ln Σ exp(z)} */
    static double logSumExp(float[] z) {
        double max = Double.NEGATIVE_INFINITY;
        for (float logit : z) {
            max = Math.max(max, logit);
        }
        double sum = 0;
        for (float logit : z) {
            sum += Math.exp(logit - max);
        }
        return max + Math.log(sum);
    }
}
