package dev.sparsed.internal.model;

import dev.sparsed.spi.LinearLayer;
import dev.sparsed.spi.SwiGluMlp;
import dev.sparsed.spi.Tensor;
import java.util.List;

/**
 * The weights of a pre-norm transformer with rotary positions and a SwiGLU MLP, on a backend. All families map onto it; they differ in which
 * optional parts are there.
 *
 * @param embedding {@code [vocabulary, hidden]}
 * @param layers from the first to the last
 * @param finalNorm {@code [1, hidden]}
 * @param head {@code [vocabulary, hidden]}; the embedding itself where the two are tied
 * @param ropeCos {@code [contextLength, headDim/2]}
 * @param ropeSin {@code [contextLength, headDim/2]}
 */
record TransformerWeights(
        Tensor embedding, List<Layer> layers, Tensor finalNorm, Tensor head, Tensor ropeCos, Tensor ropeSin) {

    /**
     * One layer.
     *
     * @param attentionNorm {@code [1, hidden]}
     * @param query projection to {@code queryHeads × headDim}
     * @param key projection to {@code keyValueHeads × headDim}
     * @param value projection to {@code keyValueHeads × headDim}
     * @param output {@code [hidden, queryHeads × headDim]}
     * @param mlpNorm {@code [1, hidden]}
     * @param mlp from and to the hidden size
     */
    record Layer(
            Tensor attentionNorm,
            LinearLayer query,
            LinearLayer key,
            LinearLayer value,
            Tensor output,
            Tensor mlpNorm,
            SwiGluMlp mlp) {}
}
