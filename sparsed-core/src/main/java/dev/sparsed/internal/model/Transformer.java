package dev.sparsed.internal.model;

import dev.sparsed.attention.AttentionPlan;
import dev.sparsed.internal.checkpoint.Checkpoint;
import dev.sparsed.spi.Backend;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.ExecutionContext;

/**
 * A loaded model: weights on a backend, shared by all requests and never changed. What a request computes is in its {@link ForwardPass}.
 */
public final class Transformer {

    private final ModelConfig config;
    private final TransformerWeights weights;

    private Transformer(ModelConfig config, TransformerWeights weights) {
        this.config = config;
        this.weights = weights;
    }

    /**
     * Uploads a checkpoint.
     *
     * @param checkpoint the weights; must stay open as long as the backend
     * @param config the model's shape
     * @param contextLength the longest canvas to prepare for
     * @param backend where to run
     * @return the model
     * @throws dev.sparsed.CheckpointException if a tensor is missing or wrong
     */
    public static Transformer load(Checkpoint checkpoint, ModelConfig config, int contextLength, Backend backend) {
        return new Transformer(config, WeightMapping.load(checkpoint, config, contextLength, backend));
    }

    /**
     * The type of a checkpoint's weights: that of its embedding.
     *
     * @param checkpoint the weights
     * @param config the model's shape
     * @return F32, F16 or BF16
     * @throws dev.sparsed.CheckpointException if the embedding is missing or wrong
     */
    public static DType dtype(Checkpoint checkpoint, ModelConfig config) {
        return checkpoint
                .require(TensorNames.of(config.family()).embedding(), config.vocabularySize(), config.hiddenSize())
                .dtype();
    }

    /**
     * A request's forward pass.
     *
     * @param context where its activations live
     * @param canvasLength N
     * @param mostEligible the most rows of logits one call may ask for
     * @param plan its attention
     * @param beforeLayer runs before every layer; ends the pass by throwing
     * @return the pass
     */
    public ForwardPass forwardPass(
            ExecutionContext context, int canvasLength, int mostEligible, AttentionPlan plan, Runnable beforeLayer) {
        return new ForwardPass(config, weights, context, canvasLength, mostEligible, plan, false, beforeLayer);
    }

    /**
     * A request's forward pass that keeps keys and values of every layer, so that later passes may forward some rows alone.
     *
     * @param context where its activations live
     * @param canvasLength N
     * @param mostEligible the most rows of logits one call may ask for
     * @param plan its attention
     * @param beforeLayer runs before every layer; ends the pass by throwing
     * @return the pass
     */
    public ForwardPass cachedForwardPass(
            ExecutionContext context, int canvasLength, int mostEligible, AttentionPlan plan, Runnable beforeLayer) {
        return new ForwardPass(config, weights, context, canvasLength, mostEligible, plan, true, beforeLayer);
    }
}
