package dev.sparsed;

import dev.sparsed.attention.AttentionPlan;
import dev.sparsed.diffusion.Canvas;
import dev.sparsed.diffusion.Denoiser;
import dev.sparsed.diffusion.DenoisingLoop;
import dev.sparsed.diffusion.GuidedDenoiser;
import dev.sparsed.diffusion.StopRule;
import dev.sparsed.internal.checkpoint.Checkpoint;
import dev.sparsed.internal.model.GenerationDefaults;
import dev.sparsed.internal.model.ModelConfig;
import dev.sparsed.internal.model.Transformer;
import dev.sparsed.spi.Backend;
import dev.sparsed.spi.ExecutionContext;
import dev.sparsed.text.ChatTemplate;
import dev.sparsed.text.Tokenizer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * A loaded diffusion language model. Immutable and thread-safe: any number of threads may generate on one model at
 * once, and what one of them gets does not depend on the others. Close it when done: that stops the backend's threads
 * and unmaps the checkpoint.
 *
 * {@snippet :
 * try (DiffusionModel model = DiffusionModel.load(Path.of("LLaDA-8B-Instruct"))) {
 *     GenerationResult result = model.generate(
 *             GenerationRequest.builder().user("Name three rivers.").genLength(64).build());
 *     String answer = result.text();
 * }
 * }
 */
public final class DiffusionModel implements AutoCloseable {

    private final Path folder;
    private final ModelConfig config;
    private final GenerationDefaults defaults;
    private final int contextLength;
    private final Checkpoint checkpoint;
    private final Backend backend;
    private final Transformer transformer;

    /** Generations hold the read lock, close takes the write lock: nothing is unmapped while it is read. */
    private final ReentrantReadWriteLock lifetime = new ReentrantReadWriteLock();

    private volatile boolean closed;
    private boolean released;
    private @Nullable Tokenizer tokenizer;
    private @Nullable ChatTemplate chatTemplate;

    private DiffusionModel(
            Path folder,
            ModelConfig config,
            GenerationDefaults defaults,
            int contextLength,
            Checkpoint checkpoint,
            Backend backend,
            Transformer transformer) {
        this.folder = folder;
        this.config = config;
        this.defaults = defaults;
        this.contextLength = contextLength;
        this.checkpoint = checkpoint;
        this.backend = backend;
        this.transformer = transformer;
    }

    /**
     * Loads a model on the fastest backend that runs here.
     *
     * @param folder a Hugging Face folder: config.json, model.safetensors (or its shards and their index), and for text
     *     tokenizer.json and tokenizer_config.json
     * @return the model; the caller closes it
     * @throws CheckpointException if something in the folder is missing, malformed or not supported
     */
    public static DiffusionModel load(Path folder) {
        return load(folder, LoadOptions.DEFAULT);
    }

    /**
     * Loads a model.
     *
     * @param folder a Hugging Face folder, see {@link #load(Path)}
     * @param options backend, threads, context length
     * @return the model; the caller closes it
     * @throws CheckpointException if something in the folder is missing, malformed or not supported
     * @throws BackendUnavailableException if a required backend cannot run here
     */
    public static DiffusionModel load(Path folder, LoadOptions options) {
        Objects.requireNonNull(folder, "folder");
        ModelConfig config = ModelConfig.read(folder);
        GenerationDefaults defaults = GenerationDefaults.read(folder);
        int contextLength = options.contextLength() > 0 ? options.contextLength() : config.contextLength();
        Checkpoint checkpoint = Checkpoint.open(folder);
        Backend backend = null;
        try {
            backend = Backends.open(options, Transformer.dtype(checkpoint, config));
            Transformer transformer = Transformer.load(checkpoint, config, contextLength, backend);
            return new DiffusionModel(folder, config, defaults, contextLength, checkpoint, backend, transformer);
        } catch (Throwable e) { // an Error too: an OutOfMemoryError must not leave threads and maps behind
            if (backend != null) {
                backend.close();
            }
            checkpoint.close();
            throw e;
        }
    }

    /**
     * Generates.
     *
     * @param request what, and how
     * @return what was generated
     * @throws InvalidRequestException if the request does not fit this model
     * @throws NonFiniteLogitsException if a step's logits have no softmax, as with damaged weights
     * @throws IllegalStateException if this model is closed
     */
    public GenerationResult generate(GenerationRequest request) {
        return generate(request, GenerationListener.NONE);
    }

    /**
     * Generates, step by step before the eyes of a listener.
     *
     * @param request what, and how
     * @param listener hears of every step, and may cancel
     * @return what was generated
     * @throws InvalidRequestException if the request does not fit this model
     * @throws GenerationCancelledException if the listener cancels, the thread is interrupted, or this model is closed
     *     meanwhile
     * @throws NonFiniteLogitsException if a step's logits have no softmax, as with damaged weights
     * @throws IllegalStateException if this model is closed
     */
    public GenerationResult generate(GenerationRequest request, GenerationListener listener) {
        return generate(request, request.seed(), listener);
    }

    /**
     * Generates several completions of one request, one after the other: with its seed, the seed after it, and so on.
     *
     * @param request what, and how
     * @param completions how many, ≥ 1
     * @return one result per completion; the first is what {@link #generate(GenerationRequest)} gives
     * @throws InvalidRequestException if the request does not fit this model
     * @throws IllegalStateException if this model is closed
     */
    public List<GenerationResult> generate(GenerationRequest request, int completions) {
        if (completions < 1) {
            throw new InvalidRequestException("completions", completions, "must be at least 1");
        }
        return LongStream.range(0, completions)
                .mapToObj(i -> generate(request, request.seed() + i, GenerationListener.NONE))
                .toList();
    }

    /**
     * Generates for several requests, one after the other, each on a canvas of its own: what one gets does not depend
     * on the others.
     *
     * @param requests any number
     * @return one result per request, in their order
     * @throws InvalidRequestException if a request does not fit this model
     * @throws IllegalStateException if this model is closed
     */
    public List<GenerationResult> generateAll(List<GenerationRequest> requests) {
        return requests.stream().map(this::generate).toList();
    }

    private GenerationResult generate(GenerationRequest request, long seed, GenerationListener listener) {
        lifetime.readLock().lock();
        try {
            requireOpen();
            if (!request.stopStrings().isEmpty()) {
                tokenizer(); // fails before the work, not after the first block
            }
            int[] prompt = request.promptTokens().orElseGet(() -> tokenizer().encode(textOf(request)));
            return denoise(
                    PreparedRequest.of(request, prompt, config, defaults, contextLength),
                    request.promptTokens().isPresent() ? null : tokenizer(), // token ids need no text library
                    seed,
                    listener);
        } finally {
            lifetime.readLock().unlock();
        }
    }

    private GenerationResult denoise(
            PreparedRequest request, @Nullable Tokenizer reader, long seed, GenerationListener listener) {
        Canvas canvas = request.canvas();
        try (ExecutionContext context = backend.newContext()) {
            AttentionPlan plan = request.plan();
            Denoiser denoiser = forwardPass(request, plan, context, listener);
            float cfgScale = (float) request.request().cfgScale();
            if (cfgScale > 0) {
                Denoiser unconditional = forwardPass(request, request.plan(), context, listener);
                denoiser = new GuidedDenoiser(
                        denoiser, unconditional, context, canvas.promptLength(), config.maskToken(), cfgScale);
            }
            StopRule stop = request.stop(tokens -> tokenizer().text(tokens));
            listener.onStart(canvas.tokens(), canvas.promptLength());
            DenoisingLoop loop = new DenoisingLoop(
                    denoiser,
                    plan,
                    request.schedule(),
                    request.cache(),
                    request.sampler(seed),
                    request.rule(),
                    stop,
                    request.request().sampling().tokensHook(),
                    context,
                    listener);
            DenoisingLoop.Outcome outcome = loop.run(canvas);
            int length = stop.length(Arrays.copyOf(canvas.generated(), outcome.denoised()));
            int[] tokens = Arrays.copyOf(canvas.generated(), length);
            return new GenerationResult(
                    tokens,
                    Arrays.copyOf(canvas.logProbabilities(), length),
                    reader == null ? null : reader.text(tokens),
                    canvas.promptLength(),
                    length < canvas.generationLength(),
                    outcome.timings(),
                    outcome.forwards(),
                    plan.report(),
                    backend.info());
        }
    }

    private Denoiser forwardPass(
            PreparedRequest request, AttentionPlan plan, ExecutionContext context, GenerationListener listener) {
        int length = request.prompt().length + request.request().genLength();
        int block = request.request().blockLength();
        Runnable beforeLayer = () -> stopIfCancelled(listener);
        return request.isCached()
                ? transformer.cachedForwardPass(context, length, block, plan, beforeLayer)
                : transformer.forwardPass(context, length, block, plan, beforeLayer);
    }

    private void stopIfCancelled(GenerationListener listener) {
        if (closed) {
            throw new GenerationCancelledException("the model was closed while it generated");
        }
        if (Thread.currentThread().isInterrupted()) {
            throw new GenerationCancelledException("the generating thread was interrupted");
        }
        if (listener.isCancelled()) {
            throw new GenerationCancelledException("the listener cancelled the generation");
        }
    }

    private String textOf(GenerationRequest request) {
        return request.rawPrompt()
                .orElseGet(() -> chatTemplate().render(request.messages(), true) + request.assistantPrefix());
    }

    /**
     * The model's tokenizer; loaded when first asked for.
     *
     * @return the tokenizer; closed with this model
     * @throws CheckpointException if the folder has none, or a malformed one
     * @throws dev.sparsed.text.TextUnavailableException if the text libraries are not on the class path
     */
    public synchronized Tokenizer tokenizer() {
        requireOpen();
        if (tokenizer == null) {
            tokenizer = Tokenizer.load(folder);
        }
        return tokenizer;
    }

    /**
     * The model's chat template; loaded when first asked for.
     *
     * @return the template
     * @throws CheckpointException if the folder has none, or a malformed one
     * @throws dev.sparsed.text.TextUnavailableException if the text libraries are not on the class path
     */
    public synchronized ChatTemplate chatTemplate() {
        requireOpen();
        if (chatTemplate == null) {
            chatTemplate = ChatTemplate.load(folder);
        }
        return chatTemplate;
    }

    /** {@return what this model runs on} */
    public BackendInfo backend() {
        return backend.info();
    }

    /** {@return what is known of the model} */
    public ModelInfo info() {
        return new ModelInfo(
                config.family().name(),
                config.layers(),
                config.hiddenSize(),
                config.heads(),
                config.mlpSize(),
                config.vocabularySize(),
                contextLength,
                config.maskToken());
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the model is closed");
        }
    }

    /**
     * Ends running generations at their next layer (they throw {@link GenerationCancelledException}), stops the
     * backend's threads and unmaps the checkpoint. Closing twice does nothing.
     *
     * @throws IllegalStateException if called by a listener, from within a generation on this model
     */
    @Override
    public void close() {
        if (lifetime.getReadHoldCount() > 0) {
            throw new IllegalStateException(
                    "a listener cannot close the model it runs on: cancel the generation instead");
        }
        closed = true;
        lifetime.writeLock().lock();
        try {
            if (!released) {
                released = true;
                release();
            }
        } finally {
            lifetime.writeLock().unlock();
        }
    }

    private synchronized void release() {
        try {
            if (tokenizer != null) {
                tokenizer.close();
            }
        } finally {
            try {
                backend.close();
            } finally {
                checkpoint.close(); // last: the backend's weights lie in its maps
            }
        }
    }
}
