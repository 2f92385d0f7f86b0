package dev.sparsed.internal.model;

import dev.sparsed.internal.checkpoint.Checkpoint;
import dev.sparsed.internal.model.TransformerWeights.Layer;
import dev.sparsed.spi.Backend;
import dev.sparsed.spi.LinearLayer;
import dev.sparsed.spi.SwiGluMlp;
import dev.sparsed.spi.Tensor;
import java.util.stream.IntStream;

/** Finds a family's tensors in a checkpoint, checks their shapes, and uploads them. */
final class WeightMapping {

    private final Checkpoint checkpoint;
    private final ModelConfig config;
    private final Backend backend;
    private final TensorNames names;

    private WeightMapping(Checkpoint checkpoint, ModelConfig config, Backend backend, TensorNames names) {
        this.checkpoint = checkpoint;
        this.config = config;
        this.backend = backend;
        this.names = names;
    }

    /**
     * Uploads all weights.
     *
     * @param checkpoint where they are
     * @param config what they must look like
     * @param contextLength positions the RoPE tables must cover
     * @param backend where they go
     * @return the weights
     * @throws dev.sparsed.CheckpointException if a tensor is missing or has another shape or type than {@code config} asks for
     */
    static TransformerWeights load(Checkpoint checkpoint, ModelConfig config, int contextLength, Backend backend) {
        WeightMapping mapping = new WeightMapping(checkpoint, config, backend, TensorNames.of(config.family()));
        return mapping.load(contextLength);
    }

    private TransformerWeights load(int contextLength) {
        Tensor embedding = matrix(names.embedding(), config.vocabularySize(), config.hiddenSize());
        Tensor head =
                config.tiedHead() ? embedding : matrix(names.head(), config.vocabularySize(), config.hiddenSize());
        RopeTables rope = RopeTables.of(contextLength, config.headDim(), config.ropeTheta());
        int half = config.headDim() / 2;
        return new TransformerWeights(
                embedding,
                IntStream.range(0, config.layers()).mapToObj(this::layer).toList(),
                vector(names.finalNorm(), config.hiddenSize()),
                head,
                backend.constant(rope.cos(), contextLength, half),
                backend.constant(rope.sin(), contextLength, half));
    }

    private Layer layer(int layer) {
        String prefix = names.layers() + "." + layer + ".";
        int hidden = config.hiddenSize();
        int queries = config.heads().queryColumns();
        int keyValues = config.heads().keyValueColumns();
        return new Layer(
                vector(prefix + names.attentionNorm(), hidden),
                projection(prefix + names.query(), queries),
                projection(prefix + names.key(), keyValues),
                projection(prefix + names.value(), keyValues),
                weight(prefix + names.output() + ".weight", hidden, queries),
                vector(prefix + names.mlpNorm(), hidden),
                new SwiGluMlp(
                        weight(prefix + names.gate(), config.mlpSize(), hidden),
                        weight(prefix + names.up(), config.mlpSize(), hidden),
                        weight(prefix + names.down(), hidden, config.mlpSize())));
    }

    private LinearLayer projection(String name, int outputs) {
        return new LinearLayer(
                weight(name + ".weight", outputs, config.hiddenSize()),
                config.projectionBias() ? vector(name + ".bias", outputs) : null);
    }

    /** A linear layer's within the transformer; the LM head, which may be the embedding too, stays as it is. */
    private Tensor weight(String name, long rows, long columns) {
        return backend.uploadLinear(checkpoint.require(name, rows, columns));
    }

    private Tensor matrix(String name, long rows, long columns) {
        return backend.upload(checkpoint.require(name, rows, columns));
    }

    private Tensor vector(String name, long columns) {
        return backend.upload(checkpoint.require(name, columns));
    }
}
