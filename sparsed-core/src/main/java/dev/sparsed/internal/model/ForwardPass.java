package dev.sparsed.internal.model;

import dev.sparsed.attention.AttentionMode;
import dev.sparsed.attention.AttentionPlan;
import dev.sparsed.diffusion.Denoiser;
import dev.sparsed.internal.model.TransformerWeights.Layer;
import dev.sparsed.spi.ExecutionContext;
import dev.sparsed.spi.HeadLayout;
import dev.sparsed.spi.Positions;
import dev.sparsed.spi.Tensor;
import java.util.Arrays;
import java.util.List;

/**
 * One forward pass of a bidirectional transformer over the canvas, written once for all families and backends. Holds a request's
 * activations, which every step reuses.
 *
 * <p>Two savings change no result (they skip what nobody reads): only the eligible rows get the final norm and the LM head, and the last
 * layer computes queries, attention, output projection and MLP for those rows alone. Its keys and values still need all rows.
 *
 * <p>With a cache, keys (after RoPE) and values of every layer outlive the pass, and a later pass may forward some rows alone: it overwrites
 * their keys and values and attends to those of all rows.
 */
public final class ForwardPass implements Denoiser {

    private final ModelConfig config;
    private final TransformerWeights weights;
    private final ExecutionContext context;
    private final AttentionPlan plan;
    private final Runnable beforeLayer;
    private final PlannedAttention planned;
    private final HeadLayout heads;
    private final int canvasLength;
    private final boolean cached;

    private final Tensor hidden;
    private final Tensor normed;
    private final Tensor queries;
    private final Tensor[] keys;
    private final Tensor[] values;
    private final Tensor gate;
    private final Tensor up;
    private final Tensor eligibleHidden;
    private final Tensor eligibleNormed;
    private final Tensor logits;
    private boolean filled;

    ForwardPass(
            ModelConfig config,
            TransformerWeights weights,
            ExecutionContext context,
            int canvasLength,
            int mostEligible,
            AttentionPlan plan,
            boolean cached,
            Runnable beforeLayer) {
        this.config = config;
        this.weights = weights;
        this.context = context;
        this.plan = plan;
        this.beforeLayer = beforeLayer;
        this.heads = config.heads();
        this.planned = new PlannedAttention(context, plan, heads, canvasLength);
        this.canvasLength = canvasLength;
        this.cached = cached;
        this.hidden = context.allocate(canvasLength, config.hiddenSize());
        this.normed = context.allocate(canvasLength, config.hiddenSize());
        this.queries = context.allocate(canvasLength, heads.queryColumns());
        this.keys = keyValues();
        this.values = keyValues();
        int mlpRows = Math.min(canvasLength, context.rowsAtATime());
        this.gate = context.allocate(mlpRows, config.mlpSize());
        this.up = context.allocate(mlpRows, config.mlpSize());
        this.eligibleHidden = context.allocate(mostEligible, config.hiddenSize());
        this.eligibleNormed = context.allocate(mostEligible, config.hiddenSize());
        this.logits = context.allocateFloats(mostEligible, config.vocabularySize());
    }

    /** One tensor per layer; without a cache all layers share one. */
    private Tensor[] keyValues() {
        Tensor[] layers = new Tensor[config.layers()];
        for (int layer = 0; layer < layers.length; layer++) {
            layers[layer] =
                    layer == 0 || cached ? context.allocate(canvasLength, heads.keyValueColumns()) : layers[layer - 1];
        }
        return layers;
    }

    @Override
    public Tensor logits(int[] tokens, AttentionMode attention, Positions forwarded, Positions eligible) {
        Positions wanted = config.shiftedLogits() ? shifted(eligible) : eligible;
        check(attention, forwarded, wanted);
        int from = forwarded.get(0);
        int[] forwardedTokens = forwarded.count() == tokens.length
                ? tokens
                : Arrays.copyOfRange(tokens, from, from + forwarded.count());
        Tensor last;
        if (planned.readsBack(attention)) {
            firstLayers(config.layers(), forwardedTokens, attention, forwarded);
            last = gathered(hidden, from, wanted, eligibleHidden);
        } else {
            int lastLayer = config.layers() - 1;
            beforeLayer.run(); // a replay runs no Java
            context.replayable(
                    new FirstLayers(this, plan.revision(), attention, from, forwarded.count()),
                    forwardedTokens,
                    () -> firstLayers(lastLayer, forwardedTokens, attention, forwarded));
            beforeLayer.run();
            last = layer(lastLayer, attention, forwarded, wanted);
        }
        filled = true;
        Tensor finalNormed = eligibleNormed.slice(0, wanted.count());
        context.rmsNorm(last, weights.finalNorm(), config.normEpsilon(), finalNormed);
        Tensor result = logits.slice(0, eligible.count());
        int twice = eligible.count() - wanted.count();
        context.linear(finalNormed, weights.head(), null, result.slice(twice, wanted.count()));
        if (twice == 1) { // positions 0 and 1 both read row 0
            context.gather(result.slice(1, 1), Positions.range(0, 1), result.slice(0, 1));
        }
        return result;
    }

    /** What decides which operations the layers but the last one consist of; they are the same in many steps. */
    private record FirstLayers(ForwardPass pass, int patterns, AttentionMode attention, int from, int count) {}

    private void firstLayers(int layers, int[] tokens, AttentionMode attention, Positions forwarded) {
        context.embed(weights.embedding(), tokens, hidden.slice(0, forwarded.count()));
        for (int layer = 0; layer < layers; layer++) {
            beforeLayer.run();
            layer(layer, attention, forwarded, forwarded);
        }
    }

    private void check(AttentionMode attention, Positions forwarded, Positions wanted) {
        boolean all = forwarded.count() == canvasLength;
        if (!all && (!cached || !filled || attention.selects())) {
            throw new IllegalArgumentException("forwarding " + forwarded.count() + " of " + canvasLength
                    + " rows needs a cache, a pass over all rows before, and no selection");
        }
        if (forwarded.firstRowFrom(canvasLength) < forwarded.count()
                || wanted.count() > 0
                        && (wanted.get(0) < forwarded.get(0)
                                || wanted.get(wanted.count() - 1) > forwarded.get(forwarded.count() - 1))) {
            throw new IllegalArgumentException("the logits of rows " + wanted + " are not among those forwarded");
        }
    }

    /** One layer for the given rows of those forwarded. {@return the rows' hidden states} */
    private Tensor layer(int index, AttentionMode attention, Positions forwarded, Positions rows) {
        Layer layer = weights.layers().get(index);
        int from = forwarded.get(0);
        Tensor forwardedHidden = hidden.slice(0, forwarded.count());
        Tensor forwardedNormed = normed.slice(0, forwarded.count());
        Tensor forwardedKeys = keys[index].slice(from, forwarded.count());
        Tensor forwardedValues = values[index].slice(from, forwarded.count());
        context.rmsNorm(forwardedHidden, layer.attentionNorm(), config.normEpsilon(), forwardedNormed);
        boolean all = rows == forwarded;
        Tensor residual = all ? forwardedHidden : gathered(hidden, from, rows, eligibleHidden);
        Tensor scratch = all ? forwardedNormed : gathered(normed, from, rows, eligibleNormed);
        Tensor q = queries.slice(0, rows.count());
        if (all) {
            context.linear(
                    scratch,
                    List.of(layer.key(), layer.value(), layer.query()),
                    List.of(forwardedKeys, forwardedValues, q));
        } else {
            context.linear(
                    forwardedNormed, List.of(layer.key(), layer.value()), List.of(forwardedKeys, forwardedValues));
            context.linear(scratch, layer.query().weight(), layer.query().bias(), q);
        }
        context.rope(forwardedKeys, heads.headDim(), weights.ropeCos(), weights.ropeSin(), forwarded);
        context.rope(q, heads.headDim(), weights.ropeCos(), weights.ropeSin(), rows);
        planned.attend(index, attention, q, rows, keys[index], values[index], scratch);
        context.linear(scratch, layer.output(), null, q);

        context.addThenRmsNorm(residual, q, layer.mlpNorm(), config.normEpsilon(), scratch);
        mlp(layer, scratch, q);
        context.add(residual, q);
        return residual;
    }

    /** Some rows at a time. */
    private void mlp(Layer layer, Tensor x, Tensor out) {
        for (int from = 0; from < x.rows(); from += gate.rows()) {
            int count = Math.min(gate.rows(), x.rows() - from);
            context.mlp(
                    x.slice(from, count),
                    layer.mlp(),
                    gate.slice(0, count),
                    up.slice(0, count),
                    out.slice(from, count));
        }
    }

    /** {@code out} = the given rows of {@code x}, whose row 0 is position {@code from}. */
    private Tensor gathered(Tensor x, int from, Positions rows, Tensor out) {
        Tensor result = out.slice(0, rows.count());
        int[] local = Arrays.stream(rows.toArray()).map(row -> row - from).toArray();
        context.gather(x, Positions.of(local), result);
        return result;
    }

    /** Dream's shift: the logits of position i are the model's at i − 1; position 0 reads itself, so 0 and 1 share a row. */
    private static Positions shifted(Positions eligible) {
        int[] rows = Arrays.stream(eligible.toArray())
                .map(position -> Math.max(0, position - 1))
                .distinct()
                .toArray();
        return Positions.of(rows);
    }
}
