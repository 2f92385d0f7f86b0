package dev.sparsed;

import dev.sparsed.diffusion.CacheMode;
import dev.sparsed.diffusion.CommitRule;
import dev.sparsed.diffusion.EntropyBound;
import dev.sparsed.diffusion.Factor;
import dev.sparsed.diffusion.LogitAdjustment;
import dev.sparsed.diffusion.Remasking;
import dev.sparsed.diffusion.Threshold;
import dev.sparsed.diffusion.TimestepSchedule;
import dev.sparsed.diffusion.TokensHook;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The options of a request besides prompt and lengths: how logits become tokens, what is cached, when to stop. Names
 * follow LLaDA's, Dream's and Fast-dLLM's reference code.
 *
 * @param <B> the builder that extends this one
 */
public abstract sealed class GenerationOptions<B extends GenerationOptions<B>> permits GenerationRequest.Builder {

    private @Nullable Double temperature;
    private @Nullable Double topP;
    private @Nullable Integer topK;
    private @Nullable Remasking remasking;
    private @Nullable Double algTemp;
    private @Nullable CommitRule commitRule;
    private double cfgScale;
    private final Map<Integer, Float> logitBias = new HashMap<>();
    private final Set<Integer> forbiddenTokens = new HashSet<>();
    private LogitAdjustment logitsHook = LogitAdjustment.NONE;
    private TokensHook tokensHook = TokensHook.NONE;
    private long seed;

    int expectedSteps;
    CacheMode cache = CacheMode.NONE;
    int cacheInterval = Integer.MAX_VALUE;
    boolean stopAtEos;
    final Set<Integer> stopTokens = new HashSet<>();
    final List<String> stopStrings = new ArrayList<>();

    GenerationOptions() {}

    /** {@return this} */
    abstract B self();

    /** {@return what was set, checked} */
    Sampling sampling() {
        return new Sampling(
                temperature,
                topP,
                topK,
                remasking,
                algTemp,
                commitRule,
                cfgScale,
                logitBias,
                forbiddenTokens,
                logitsHook,
                tokensHook,
                seed);
    }

    /**
     * Sampling temperature; 0 takes the most likely token. Default: the model's generation_config.json, else 0.
     *
     * @param value ≥ 0
     * @return this
     */
    public B temperature(double value) {
        temperature = value;
        return self();
    }

    /**
     * Drops the tokens after the most likely ones whose probabilities add up to more than this. Default: the model's,
     * else 1, none.
     *
     * @param value &gt; 0 … 1
     * @return this
     */
    public B topP(double value) {
        topP = value;
        return self();
    }

    /**
     * Keeps the most likely tokens alone. Default: the model's, else all.
     *
     * @param value how many, ≥ 1
     * @return this
     */
    public B topK(int value) {
        topK = value;
        return self();
    }

    /**
     * What decides which candidates stay masked. Default: the model's, else its family's:
     * {@link Remasking#LOW_CONFIDENCE} for LLaDA, {@link Remasking#ORIGIN} for Dream.
     *
     * @param value the strategy
     * @return this
     */
    public B remasking(Remasking value) {
        remasking = Objects.requireNonNull(value, "remasking");
        return self();
    }

    /**
     * Dream's name for {@link #remasking}.
     *
     * @param value the strategy
     * @return this
     */
    public B alg(Remasking value) {
        return remasking(value);
    }

    /**
     * Randomness in the order of commits: above 0, positions are drawn from softmax(confidence/algTemp). Default: the
     * model's, else 0.
     *
     * @param value ≥ 0
     * @return this
     */
    public B algTemp(double value) {
        algTemp = value;
        return self();
    }

    /**
     * How many candidates a step commits. Default: {@link dev.sparsed.diffusion.EvenSchedule} for LLaDA,
     * {@link TimestepSchedule} for Dream.
     *
     * @param value the rule
     * @return this
     * @throws InvalidRequestException if a rule of another kind was set before
     */
    public B commitRule(CommitRule value) {
        if (commitRule != null && commitRule.getClass() != value.getClass()) {
            throw new InvalidRequestException("commitRule", value, commitRule + " was set before: there is one rule");
        }
        commitRule = value;
        return self();
    }

    /**
     * Dream's schedule of timesteps, from 1 down to this.
     *
     * @param value &gt; 0 and &lt; 1
     * @return this
     */
    public B eps(double value) {
        if (!(value > 0 && value < 1)) {
            throw new InvalidRequestException("eps", value, "must be > 0 and < 1");
        }
        return commitRule(new TimestepSchedule(value));
    }

    /**
     * Commits in parallel what is at least so sure, and ends a block when it holds no mask: {@code steps} is a bound
     * then.
     *
     * @param value τ, 0 … 1; Fast-dLLM takes 0.9
     * @return this
     */
    public B threshold(double value) {
        if (!(value >= 0 && value <= 1)) {
            throw new InvalidRequestException("threshold", value, "must be 0 ... 1");
        }
        return commitRule(new Threshold(value));
    }

    /**
     * Commits in parallel the largest n with (n + 1)·(1 − n-th confidence) ≤ this.
     *
     * @param value f ≥ 0; Fast-dLLM takes 1
     * @return this
     */
    public B factor(double value) {
        if (!(value >= 0 && Double.isFinite(value))) {
            throw new InvalidRequestException("factor", value, "must be a number >= 0");
        }
        return commitRule(new Factor(value));
    }

    /**
     * Commits in parallel as long as the entropies of the committed tokens, but for the largest, add up to at most
     * this.
     *
     * @param value γ ≥ 0, in nats
     * @return this
     */
    public B entropyBound(double value) {
        if (!(value >= 0 && Double.isFinite(value))) {
            throw new InvalidRequestException("entropyBound", value, "must be a number >= 0");
        }
        return commitRule(new EntropyBound(value));
    }

    /**
     * Scale w of classifier-free guidance; default 0, none. Above 0 every step runs the model twice.
     *
     * @param value ≥ 0
     * @return this
     */
    public B cfgScale(double value) {
        cfgScale = value;
        return self();
    }

    /**
     * Adds to the logit of a token in every step.
     *
     * @param token a token id
     * @param bias finite
     * @return this
     */
    public B logitBias(int token, double bias) {
        logitBias.put(token, (float) bias);
        return self();
    }

    /**
     * Tokens that are never generated. The mask token never is, either.
     *
     * @param tokens token ids
     * @return this
     */
    public B forbiddenTokens(int... tokens) {
        for (int token : tokens) {
            forbiddenTokens.add(token);
        }
        return self();
    }

    /**
     * Changes the logits of every mask before a token is chosen; Dream's {@code generation_logits_hook_func}, one row
     * at a time. Called on the generating thread.
     *
     * @param hook the hook
     * @return this
     */
    public B logitsHook(LogitAdjustment hook) {
        logitsHook = Objects.requireNonNull(hook, "logitsHook");
        return self();
    }

    /**
     * May change the canvas after every step; Dream's {@code generation_tokens_hook_func}. Called on the generating
     * thread.
     *
     * @param hook the hook
     * @return this
     */
    public B tokensHook(TokensHook hook) {
        tokensHook = Objects.requireNonNull(hook, "tokensHook");
        return self();
    }

    /**
     * Draws up the policy's schedule for another number of steps than the bound {@code steps}, where a commit rule ends
     * blocks early.
     *
     * @param count ≥ 1
     * @return this
     */
    public B expectedSteps(int count) {
        if (count < 1) {
            throw new InvalidRequestException("expectedSteps", count, "must be at least 1");
        }
        expectedSteps = count;
        return self();
    }

    /**
     * Keeps keys and values within a block and forwards a part of the canvas alone; results are approximate. Default:
     * none.
     *
     * @param value what to keep
     * @return this
     */
    public B cache(CacheMode value) {
        cache = Objects.requireNonNull(value, "cache");
        return self();
    }

    /**
     * Refreshes the cache within blocks, too; 1 is exact and saves nothing. Default: at the beginning of every block.
     *
     * @param steps from one full forward pass to the next, ≥ 1
     * @return this
     */
    public B cacheInterval(int steps) {
        if (steps < 1) {
            throw new InvalidRequestException("cacheInterval", steps, "must be at least 1");
        }
        cacheInterval = steps;
        return self();
    }

    /**
     * Ends the generation with the first block that holds the model's end token when it is finished, and cuts the
     * result before that token. The end tokens are those of config.json and generation_config.json. Default: false.
     *
     * @param value whether
     * @return this
     */
    public B stopAtEos(boolean value) {
        stopAtEos = value;
        return self();
    }

    /**
     * More tokens that end the generation as the model's end token does, such as the end of a turn.
     *
     * @param tokens token ids
     * @return this
     */
    public B stopTokens(int... tokens) {
        for (int token : tokens) {
            stopTokens.add(token);
        }
        return self();
    }

    /**
     * Ends the generation with the first finished block by which one of these texts has appeared, and cuts the result
     * before it; a token that reaches into that text is cut, too. Special tokens are not part of the text. Needs a
     * tokenizer.
     *
     * @param strings not empty
     * @return this
     */
    public B stopStrings(String... strings) {
        for (String string : strings) {
            if (string.isEmpty()) {
                throw new InvalidRequestException("stopStrings", "\"\"", "must not be empty");
            }
            stopStrings.add(string);
        }
        return self();
    }

    /**
     * Seed of all random numbers; default 0. The same request on the same backend gives the same tokens.
     *
     * @param value any number
     * @return this
     */
    public B seed(long value) {
        seed = value;
        return self();
    }
}
