package dev.sparsed;

import dev.sparsed.attention.AttentionPolicy;
import dev.sparsed.diffusion.CacheMode;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What to generate, and how. Immutable: one request may be sent any number of times, to any number of models. Names
 * follow the reference code of LLaDA ({@code gen_length}, {@code block_length}, {@code steps}, {@code cfg_scale},
 * {@code remasking}), Dream ({@code alg}, {@code alg_temp}, {@code top_p}, {@code eps}) and Fast-dLLM
 * ({@code threshold}, {@code factor}).
 *
 * {@snippet :
 * GenerationRequest request = GenerationRequest.builder()
 *         .user("What is a diffusion language model?")
 *         .genLength(128)
 *         .blockLength(32)
 *         .policy(SparseD.shortContext())
 *         .build();
 * }
 */
public final class GenerationRequest {

    /** A position of {@link Builder#infill} that is to be generated. */
    public static final int MASK = -1;

    private static final int DEFAULT_GEN_LENGTH = 128;

    private final List<ChatMessage> messages;
    private final String assistantPrefix;
    private final @Nullable String rawPrompt;
    private final int @Nullable [] promptTokens;
    private final int genLength;
    private final int blockLength;
    private final int steps;
    private final Sampling sampling;
    private final AttentionPolicy policy;
    private final int expectedSteps;
    private final CacheMode cache;
    private final int cacheInterval;
    private final int @Nullable [] infill;
    private final boolean stopAtEos;
    private final Set<Integer> stopTokens;
    private final List<String> stopStrings;

    private GenerationRequest(Builder builder, Sampling sampling) {
        this.messages = List.copyOf(builder.messages);
        this.assistantPrefix = builder.assistantPrefix;
        this.rawPrompt = builder.rawPrompt;
        this.promptTokens = builder.promptTokens;
        this.infill = builder.infill;
        int unset = infill == null ? DEFAULT_GEN_LENGTH : infill.length;
        this.genLength = builder.genLength == null ? unset : builder.genLength;
        this.blockLength = builder.blockLength == 0 ? genLength : builder.blockLength;
        this.steps = builder.steps == 0 ? genLength : builder.steps;
        this.sampling = sampling;
        this.policy = builder.policy;
        this.expectedSteps = builder.expectedSteps == 0 ? steps : builder.expectedSteps;
        this.cache = builder.cache;
        this.cacheInterval = builder.cacheInterval;
        this.stopAtEos = builder.stopAtEos;
        this.stopTokens = Set.copyOf(builder.stopTokens);
        this.stopStrings = List.copyOf(builder.stopStrings);
        check();
    }

    private void check() {
        int prompts = (messages.isEmpty() ? 0 : 1) + (rawPrompt == null ? 0 : 1) + (promptTokens == null ? 0 : 1);
        if (prompts != 1) {
            throw new InvalidRequestException(
                    "prompt", prompts + " given", "give exactly one of messages, rawPrompt and promptTokens");
        }
        if (!assistantPrefix.isEmpty() && messages.isEmpty()) {
            throw new InvalidRequestException(
                    "assistantPrefix", assistantPrefix, "goes with messages; append it to the prompt yourself");
        }
        require(genLength >= 1, "genLength", genLength, "must be at least 1");
        require(blockLength >= 1, "blockLength", blockLength, "must be at least 1");
        require(genLength % blockLength == 0, "blockLength", blockLength, "must divide genLength = " + genLength);
        int blocks = genLength / blockLength;
        require(
                steps >= blocks && steps % blocks == 0,
                "steps",
                steps,
                "must be a multiple of the number of blocks, genLength / blockLength = " + blocks);
        if (infill != null) {
            require(genLength == infill.length, "genLength", genLength, "infill has " + infill.length + " positions");
            require(
                    Arrays.stream(infill).anyMatch(token -> token == MASK),
                    "infill",
                    infill.length + " tokens",
                    "must hold a GenerationRequest.MASK");
            String rule = "does not go with infill, whose fixed tokens would be cut off";
            require(!stopAtEos, "stopAtEos", true, rule);
            require(stopTokens.isEmpty(), "stopTokens", stopTokens, rule);
            require(stopStrings.isEmpty(), "stopStrings", stopStrings, rule);
        }
        boolean parallel =
                sampling.commitRule() != null && sampling.commitRule().isParallel();
        require(
                parallel || expectedSteps == steps,
                "expectedSteps",
                expectedSteps,
                "goes with threshold, factor or entropyBound; else steps are exact");
        require(
                cache != CacheMode.NONE || cacheInterval == Integer.MAX_VALUE,
                "cacheInterval",
                cacheInterval,
                "goes with a cache");
    }

    private static void require(boolean holds, String field, Object value, String rule) {
        if (!holds) {
            throw new InvalidRequestException(field, value, rule);
        }
    }

    /** {@return a builder with the defaults} */
    public static Builder builder() {
        return new Builder();
    }

    /** {@return the chat, empty if the prompt was given another way} */
    public List<ChatMessage> messages() {
        return messages;
    }

    /** {@return what the assistant's answer starts with, empty for nothing} */
    public String assistantPrefix() {
        return assistantPrefix;
    }

    /** {@return the prompt as text without a chat template, if given so} */
    public Optional<String> rawPrompt() {
        return Optional.ofNullable(rawPrompt);
    }

    /** {@return a copy of the prompt's token ids, if given so} */
    public Optional<int[]> promptTokens() {
        return Optional.ofNullable(promptTokens).map(int[]::clone);
    }

    /** {@return G, tokens to generate} */
    public int genLength() {
        return genLength;
    }

    /** {@return tokens per semi-autoregressive block} */
    public int blockLength() {
        return blockLength;
    }

    /** {@return T, denoising steps over all blocks} */
    public int steps() {
        return steps;
    }

    /** {@return how logits become tokens} */
    public Sampling sampling() {
        return sampling;
    }

    /** {@return scale of classifier-free guidance, 0 for none} */
    public double cfgScale() {
        return sampling.cfgScale();
    }

    /** {@return which keys the queries attend to} */
    public AttentionPolicy policy() {
        return policy;
    }

    /** {@return the number of steps that the policy's schedule is drawn up for} */
    public int expectedSteps() {
        return expectedSteps;
    }

    /** {@return which keys and values are kept from step to step} */
    public CacheMode cache() {
        return cache;
    }

    /**
     * {@return steps from one full forward pass of a block to the next, {@link Integer#MAX_VALUE} for one per block}
     */
    public int cacheInterval() {
        return cacheInterval;
    }

    /** {@return a copy of what the generated part holds before the first step, if given} */
    public Optional<int[]> infill() {
        return Optional.ofNullable(infill).map(int[]::clone);
    }

    /** {@return whether a finished block that holds the model's end token is the last} */
    public boolean stopAtEos() {
        return stopAtEos;
    }

    /** {@return tokens that end the generation, besides the model's end token} */
    public Set<Integer> stopTokens() {
        return stopTokens;
    }

    /** {@return texts that end the generation} */
    public List<String> stopStrings() {
        return stopStrings;
    }

    /** {@return seed of all random numbers} */
    public long seed() {
        return sampling.seed();
    }

    /** Collects a request; {@link #build()} checks it. */
    public static final class Builder extends GenerationOptions<Builder> {

        private final List<ChatMessage> messages = new ArrayList<>();
        private String assistantPrefix = "";
        private @Nullable String rawPrompt;
        private int @Nullable [] promptTokens;
        private @Nullable Integer genLength;
        private int blockLength;
        private int steps;
        private AttentionPolicy policy = AttentionPolicy.dense();
        private int @Nullable [] infill;

        private Builder() {}

        @Override
        Builder self() {
            return this;
        }

        /**
         * Adds a message to the chat; the model's chat template turns it into a prompt.
         *
         * @param message who says what
         * @return this
         */
        public Builder message(ChatMessage message) {
            messages.add(Objects.requireNonNull(message, "message"));
            return this;
        }

        /**
         * Adds a message of the user.
         *
         * @param content what the user says
         * @return this
         */
        public Builder user(String content) {
            return message(ChatMessage.user(content));
        }

        /**
         * Adds a message of the system.
         *
         * @param content the instructions
         * @return this
         */
        public Builder system(String content) {
            return message(ChatMessage.system(content));
        }

        /**
         * What the assistant's answer starts with; it becomes part of the prompt, and the model continues it.
         *
         * @param text the beginning of the answer
         * @return this
         */
        public Builder assistantPrefix(String text) {
            assistantPrefix = Objects.requireNonNull(text, "assistantPrefix");
            return this;
        }

        /**
         * A prompt as text, tokenized as it is: for base models, and for templates applied elsewhere.
         *
         * @param text the prompt
         * @return this
         */
        public Builder rawPrompt(String text) {
            rawPrompt = Objects.requireNonNull(text, "rawPrompt");
            return this;
        }

        /**
         * A prompt as token ids; needs no tokenizer.
         *
         * @param tokens the prompt, may be empty; copied
         * @return this
         */
        public Builder promptTokens(int... tokens) {
            promptTokens = tokens.clone();
            return this;
        }

        /**
         * Tokens to generate; default 128.
         *
         * @param tokens G ≥ 1
         * @return this
         */
        public Builder genLength(int tokens) {
            genLength = tokens;
            return this;
        }

        /**
         * Tokens per semi-autoregressive block: blocks are denoised from left to right, one after the other. Default:
         * one block.
         *
         * @param tokens divides {@code genLength}
         * @return this
         */
        public Builder blockLength(int tokens) {
            require(tokens >= 1, "blockLength", tokens, "must be at least 1");
            blockLength = tokens;
            return this;
        }

        /**
         * Denoising steps over all blocks; default {@code genLength}, one token per step.
         *
         * @param count T, a multiple of the number of blocks
         * @return this
         */
        public Builder steps(int count) {
            require(count >= 1, "steps", count, "must be at least 1");
            steps = count;
            return this;
        }

        /**
         * Which keys the queries attend to; default dense.
         *
         * @param value such as {@link dev.sparsed.attention.SparseD#longContext()}
         * @return this
         */
        public Builder policy(AttentionPolicy value) {
            policy = Objects.requireNonNull(value, "policy");
            return this;
        }

        /**
         * What the generated part holds before the first step, instead of masks alone.
         *
         * @param tokens {@link #MASK} for a position to generate, a token id for one that stays; copied. Gives
         *     {@code genLength}
         * @return this
         */
        public Builder infill(int... tokens) {
            infill = tokens.clone();
            return this;
        }

        /**
         * Checks the request.
         *
         * @return the request
         * @throws InvalidRequestException if a field is out of range or two of them do not fit
         */
        public GenerationRequest build() {
            return new GenerationRequest(this, sampling());
        }
    }
}
