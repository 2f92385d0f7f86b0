package dev.sparsed.diffusion;

import java.util.Arrays;

/**
 * Which tokens a mask may become at all, in Dream's order: divide the logits by the temperature (if it is above 0),
 * drop the tokens after the most likely ones whose probabilities add up to more than {@code topP}, then drop those less
 * likely than the {@code topK}-th.
 *
 * @param temperature ≥ 0; 0 takes the most likely token and leaves the logits as they are
 * @param topP 0 … 1; 1 drops nothing; the most likely token always stays
 * @param topK ≥ 1, or 0 to drop nothing; tokens as likely as the last one stay
 */
public record TokenFilter(double temperature, double topP, int topK) {

    /** The most likely token, nothing dropped. */
    public static final TokenFilter GREEDY = new TokenFilter(0, 1, 0);

    /**
     * Logits within this distance of the largest one are looked at first; beyond lie e^−8 of its probability and less.
     */
    private static final float FIRST_WINDOW = 8;

    /** Checks the ranges. */
    public TokenFilter {
        if (!(temperature >= 0 && Double.isFinite(temperature)) || !(topP >= 0 && topP <= 1) || topK < 0) {
            throw new IllegalArgumentException("temperature = " + temperature + ", topP = " + topP + ", topK = " + topK
                    + ": must be >= 0, 0 ... 1, >= 0");
        }
    }

    /** {@return whether tokens are dropped} */
    public boolean drops() {
        return topP < 1 || topK > 0;
    }

    /**
     * {@return the filtered logits, −∞ where a token was dropped; the array given where nothing changes}
     *
     * @param logits one row; not changed
     */
    float[] apply(float[] logits) {
        boolean scales = temperature > 0 && temperature != 1;
        if (!scales && !drops()) {
            return logits;
        }
        float[] z = logits.clone();
        for (int token = 0; scales && token < z.length; token++) {
            z[token] = z[token] / (float) temperature;
        }
        if (topP < 1) {
            keepNucleus(z);
        }
        if (topK > 0 && topK < z.length) {
            keepLargest(z);
        }
        return z;
    }

    /** Keeps the most likely tokens up to and including the one with which their probability passes {@code topP}. */
    private void keepNucleus(float[] z) {
        double logSumExp = TokenDistribution.logSumExp(z);
        float max = max(z);
        for (float window = FIRST_WINDOW; ; window *= 2) {
            int[] ranked = ranked(z, max - window);
            double cumulative = 0;
            for (int i = 0; i < ranked.length; i++) {
                cumulative += Math.exp(z[ranked[i]] - logSumExp);
                if (cumulative > topP) {
                    keep(z, ranked, i + 1);
                    return;
                }
            }
            if (window > Float.MAX_VALUE / 2) {
                return; // all of them do not pass it
            }
        }
    }

    private static void keep(float[] z, int[] ranked, int count) {
        float[] kept = new float[count];
        for (int i = 0; i < count; i++) {
            kept[i] = z[ranked[i]];
        }
        Arrays.fill(z, Float.NEGATIVE_INFINITY);
        for (int i = 0; i < count; i++) {
            z[ranked[i]] = kept[i];
        }
    }

    private void keepLargest(float[] z) {
        float max = max(z);
        for (float window = FIRST_WINDOW; window < Float.MAX_VALUE / 2; window *= 2) {
            int[] ranked = ranked(z, max - window);
            if (ranked.length >= topK) {
                float least = z[ranked[topK - 1]];
                for (int token = 0; token < z.length; token++) {
                    z[token] = z[token] < least ? Float.NEGATIVE_INFINITY : z[token];
                }
                return;
            }
        }
    }

    private static float max(float[] z) {
        float max = Float.NEGATIVE_INFINITY;
        for (float logit : z) {
            max = Math.max(max, logit);
        }
        return max;
    }

    /** {@return the tokens with a finite logit of at least {@code least}, by falling logit, ties to the lower id} */
    private static int[] ranked(float[] z, float least) {
        long[] keys = new long[z.length];
        int count = 0;
        for (int token = 0; token < z.length; token++) {
            if (z[token] >= least && z[token] != Float.NEGATIVE_INFINITY) {
                int bits = Float.floatToIntBits(z[token]);
                int ordered = bits ^ bits >> 31 & Integer.MAX_VALUE; // as an int, it orders as the float does
                keys[count++] = (long) ~ordered << 32 | token;
            }
        }
        Arrays.sort(keys, 0, count);
        int[] ranked = new int[count];
        Arrays.setAll(ranked, i -> (int) keys[i]);
        return ranked;
    }
}
