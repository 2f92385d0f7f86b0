package dev.sparsed;

import dev.sparsed.attention.AttentionPolicy;
import dev.sparsed.diffusion.Remasking;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What to generate, and how. Immutable: one request may be sent any number of times, to any number of models. Names follow LLaDA's reference
 * code ({@code gen_length}, {@code block_length}, {@code steps}, {@code cfg_scale}, {@code remasking}).
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

    private final List<ChatMessage> messages;
    private final String assistantPrefix;
    private final @Nullable String rawPrompt;
    private final int @Nullable [] promptTokens;
    private final int genLength;
    private final int blockLength;
    private final int steps;
    private final double temperature;
    private final double cfgScale;
    private final Remasking remasking;
    private final AttentionPolicy policy;
    private final long seed;

    private GenerationRequest(Builder builder) {
        this.messages = List.copyOf(builder.messages);
        this.assistantPrefix = builder.assistantPrefix;
        this.rawPrompt = builder.rawPrompt;
        this.promptTokens = builder.promptTokens;
        this.genLength = builder.genLength;
        this.blockLength = builder.blockLength == 0 ? builder.genLength : builder.blockLength;
        this.steps = builder.steps == 0 ? builder.genLength : builder.steps;
        this.temperature = builder.temperature;
        this.cfgScale = builder.cfgScale;
        this.remasking = builder.remasking;
        this.policy = builder.policy;
        this.seed = builder.seed;
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
        require(temperature >= 0 && Double.isFinite(temperature), "temperature", temperature, "must be a number >= 0");
        require(cfgScale >= 0 && Double.isFinite(cfgScale), "cfgScale", cfgScale, "must be a number >= 0");
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

    /** {@return sampling temperature, 0 for greedy} */
    public double temperature() {
        return temperature;
    }

    /** {@return scale of classifier-free guidance, 0 for none} */
    public double cfgScale() {
        return cfgScale;
    }

    /** {@return what decides which candidates stay masked} */
    public Remasking remasking() {
        return remasking;
    }

    /** {@return which keys the queries attend to} */
    public AttentionPolicy policy() {
        return policy;
    }

    /** {@return seed of all random numbers} */
    public long seed() {
        return seed;
    }

    /** Collects a request; {@link #build()} checks it. */
    public static final class Builder {

        private final List<ChatMessage> messages = new ArrayList<>();
        private String assistantPrefix = "";
        private @Nullable String rawPrompt;
        private int @Nullable [] promptTokens;
        private int genLength = 128;
        private int blockLength;
        private int steps;
        private double temperature;
        private double cfgScale;
        private Remasking remasking = Remasking.LOW_CONFIDENCE;
        private AttentionPolicy policy = AttentionPolicy.dense();
        private long seed;

        private Builder() {}

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
         * Tokens per semi-autoregressive block: blocks are denoised from left to right, one after the other. Default: one block.
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
         * Sampling temperature; default 0, the most likely token.
         *
         * @param value ≥ 0
         * @return this
         */
        public Builder temperature(double value) {
            temperature = value;
            return this;
        }

        /**
         * Scale w of classifier-free guidance; default 0, none. Above 0 every step runs the model twice.
         *
         * @param value ≥ 0
         * @return this
         */
        public Builder cfgScale(double value) {
            cfgScale = value;
            return this;
        }

        /**
         * What decides which candidates stay masked; default {@link Remasking#LOW_CONFIDENCE}.
         *
         * @param value the strategy
         * @return this
         */
        public Builder remasking(Remasking value) {
            remasking = Objects.requireNonNull(value, "remasking");
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
         * Seed of all random numbers; default 0. The same request on the same backend gives the same tokens.
         *
         * @param value any number
         * @return this
         */
        public Builder seed(long value) {
            seed = value;
            return this;
        }

        /**
         * Checks the request.
         *
         * @return the request
         * @throws InvalidRequestException if a field is out of range or two of them do not fit
         */
        public GenerationRequest build() {
            return new GenerationRequest(this);
        }
    }
}
