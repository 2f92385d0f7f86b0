package dev.sparsed;

import dev.sparsed.diffusion.CommitRule;
import dev.sparsed.diffusion.Factor;
import dev.sparsed.diffusion.LogitAdjustment;
import dev.sparsed.diffusion.Remasking;
import dev.sparsed.diffusion.Threshold;
import dev.sparsed.diffusion.TimestepSchedule;
import dev.sparsed.diffusion.TokensHook;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * How a step turns logits into tokens. What is null is left to the model: to its generation_config.json, and failing
 * that to the reference code of its family.
 *
 * @param temperature ≥ 0; null: the model's, else 0
 * @param topP &gt; 0 … 1; null: the model's, else 1
 * @param topK ≥ 1; null: the model's, else all tokens
 * @param remasking null: the model's, else {@code LOW_CONFIDENCE} for LLaDA and {@code ORIGIN} for Dream; with a commit
 *     rule that is no schedule of timesteps, {@code LOW_CONFIDENCE} for LLaDA and {@code MASKGIT_PLUS} for Dream
 * @param algTemp ≥ 0; null: the model's, else 0
 * @param commitRule null: LLaDA's even schedule or Dream's timesteps
 * @param cfgScale scale of classifier-free guidance, 0 for none
 * @param logitBias added to the logits of these tokens
 * @param forbiddenTokens never generated
 * @param logitsHook changes the logits, after the bias
 * @param tokensHook may change the canvas after every step
 * @param seed of all random numbers
 */
public record Sampling(
        @Nullable Double temperature,
        @Nullable Double topP,
        @Nullable Integer topK,
        @Nullable Remasking remasking,
        @Nullable Double algTemp,
        @Nullable CommitRule commitRule,
        double cfgScale,
        Map<Integer, Float> logitBias,
        Set<Integer> forbiddenTokens,
        LogitAdjustment logitsHook,
        TokensHook tokensHook,
        long seed) {

    /** Copies the collections and checks ranges and combinations. */
    public Sampling {
        logitBias = Map.copyOf(logitBias);
        forbiddenTokens = Set.copyOf(forbiddenTokens);
        require(isAtLeast0(temperature), "temperature", temperature, "must be a number >= 0");
        require(topP == null || topP > 0 && topP <= 1, "topP", topP, "must be > 0 and <= 1");
        require(topK == null || topK >= 1, "topK", topK, "must be at least 1");
        require(isAtLeast0(algTemp), "algTemp", algTemp, "must be a number >= 0");
        require(isAtLeast0(cfgScale), "cfgScale", cfgScale, "must be a number >= 0");
        logitBias.forEach((token, bias) -> require(
                Float.isFinite(bias), "logitBias", token + ": " + bias, "must be finite; forbid the token instead"));
        if (remasking == Remasking.ORIGIN) {
            require(
                    commitRule == null || commitRule instanceof TimestepSchedule,
                    "remasking",
                    remasking,
                    "commits by chance and so goes with no other commit rule than eps, not with " + commitRule);
        }
        if (commitRule instanceof Threshold || commitRule instanceof Factor) {
            require(
                    remasking == null || remasking.isProbability(),
                    "remasking",
                    remasking,
                    "is no probability, which " + commitRule + " compares: take low_confidence, maskgit_plus or"
                            + " topk_margin");
        }
        if (algTemp != null && algTemp > 0) {
            require(
                    remasking != Remasking.ORIGIN && (commitRule == null || !commitRule.isParallel()),
                    "algTemp",
                    algTemp,
                    "draws a fixed number of positions; origin, threshold, factor and entropyBound have none");
        }
    }

    private static boolean isAtLeast0(@Nullable Double value) {
        return value == null || value >= 0 && Double.isFinite(value);
    }

    private static void require(boolean holds, String field, @Nullable Object value, String rule) {
        if (!holds) {
            throw new InvalidRequestException(field, String.valueOf(value), rule);
        }
    }
}
