package dev.sparsed.internal.model;

import dev.sparsed.attention.AttentionMode;
import dev.sparsed.attention.AttentionPlan;
import dev.sparsed.diffusion.Denoiser;
import dev.sparsed.internal.model.TransformerWeights.Layer;
import dev.sparsed.internal.model.TransformerWeights.Projection;
import dev.sparsed.spi.ExecutionContext;
import dev.sparsed.spi.HeadLayout;
import dev.sparsed.spi.Positions;
import dev.sparsed.spi.Tensor;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * One forward pass of a bidirectional transformer over the canvas, written once for all families and backends. Holds a request's
 * activations, which every step reuses.
 *
 * <p>Two savings change no result (they skip what nobody reads): only the eligible rows get the final norm and the LM head, and the last
 * layer computes queries, attention, output projection and MLP for those rows alone. Its keys and values still need all rows.
 */
public final class ForwardPass implements Denoiser {

    /**
     * Rows of the MLP's inner activations computed at a time: at 65,536 tokens they would otherwise be the largest buffers by far, and from
     * about 1,000 rows on a matrix product runs no faster with more.
     */
    private static final int MLP_ROWS = 2048;

    private final ModelConfig config;
    private final TransformerWeights weights;
    private final ExecutionContext context;
    private final AttentionPlan plan;
    private final Runnable beforeLayer;
    private final HeadLayout heads;
    private final Positions everywhere;

    private final Tensor hidden;
    private final Tensor normed;
    private final Tensor queries;
    private final Tensor keys;
    private final Tensor values;
    private final Tensor gate;
    private final Tensor up;
    private final Tensor eligibleHidden;
    private final Tensor eligibleNormed;
    private final Tensor logits;
    private @Nullable Tensor logSumExp;

    ForwardPass(
            ModelConfig config,
            TransformerWeights weights,
            ExecutionContext context,
            int canvasLength,
            int mostEligible,
            AttentionPlan plan,
            Runnable beforeLayer) {
        this.config = config;
        this.weights = weights;
        this.context = context;
        this.plan = plan;
        this.beforeLayer = beforeLayer;
        this.heads = config.heads();
        this.everywhere = Positions.range(0, canvasLength);
        this.hidden = context.allocate(canvasLength, config.hiddenSize());
        this.normed = context.allocate(canvasLength, config.hiddenSize());
        this.queries = context.allocate(canvasLength, heads.queryColumns());
        this.keys = context.allocate(canvasLength, heads.keyValueColumns());
        this.values = context.allocate(canvasLength, heads.keyValueColumns());
        int mlpRows = Math.min(canvasLength, MLP_ROWS);
        this.gate = context.allocate(mlpRows, config.mlpSize());
        this.up = context.allocate(mlpRows, config.mlpSize());
        this.eligibleHidden = context.allocate(mostEligible, config.hiddenSize());
        this.eligibleNormed = context.allocate(mostEligible, config.hiddenSize());
        this.logits = context.allocate(mostEligible, config.vocabularySize());
    }

    @Override
    public Tensor logits(int[] tokens, AttentionMode attention, Positions eligible) {
        Positions wanted = config.shiftedLogits() ? shifted(eligible) : eligible;
        context.embed(weights.embedding(), tokens, hidden);
        Tensor last = hidden;
        for (int layer = 0; layer < config.layers(); layer++) {
            beforeLayer.run();
            boolean everyRow = layer < config.layers() - 1 || attention == AttentionMode.DENSE_AND_SELECT;
            last = layer(layer, attention, everyRow ? everywhere : wanted);
        }
        if (last == hidden) {
            last = gathered(hidden, wanted, eligibleHidden);
        }
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

    /** One layer for the given rows. {@return the rows' hidden states: {@code hidden} itself if they are all rows} */
    private Tensor layer(int index, AttentionMode attention, Positions rows) {
        Layer layer = weights.layers().get(index);
        context.rmsNorm(hidden, layer.attentionNorm(), config.normEpsilon(), normed);
        project(normed, layer.key(), keys);
        project(normed, layer.value(), values);
        context.rope(keys, heads.headDim(), weights.ropeCos(), weights.ropeSin(), everywhere);

        boolean all = rows == everywhere;
        Tensor residual = all ? hidden : gathered(hidden, rows, eligibleHidden);
        Tensor scratch = all ? normed : gathered(normed, rows, eligibleNormed);
        Tensor q = queries.slice(0, rows.count());
        project(scratch, layer.query(), q);
        context.rope(q, heads.headDim(), weights.ropeCos(), weights.ropeSin(), rows);
        attend(index, attention, q, rows, scratch);
        context.linear(scratch, layer.output(), null, q);
        context.add(residual, q);

        context.rmsNorm(residual, layer.mlpNorm(), config.normEpsilon(), scratch);
        mlp(layer, scratch, q);
        context.add(residual, q);
        return residual;
    }

    private void attend(int layer, AttentionMode attention, Tensor q, Positions rows, Tensor out) {
        switch (attention) {
            case DENSE -> context.attention().dense(q, keys, values, heads, out, null);
            case DENSE_AND_SELECT -> {
                if (logSumExp == null) {
                    logSumExp = context.allocate(everywhere.count(), heads.queryHeads());
                }
                context.attention().dense(q, keys, values, heads, out, logSumExp);
                plan.keep(layer, context.attention().select(q, keys, logSumExp, heads, plan.rule()));
            }
            case BLOCK_SPARSE ->
                context.attention().blockSparse(q, rows, keys, values, heads, plan.pattern(layer), out);
        }
    }

    /** {@code out = down(silu(gate x) · up x)}, some rows at a time. */
    private void mlp(Layer layer, Tensor x, Tensor out) {
        for (int from = 0; from < x.rows(); from += MLP_ROWS) {
            int count = Math.min(MLP_ROWS, x.rows() - from);
            Tensor rows = x.slice(from, count);
            Tensor gateRows = gate.slice(0, count);
            Tensor upRows = up.slice(0, count);
            context.linear(rows, layer.gate(), null, gateRows);
            context.linear(rows, layer.up(), null, upRows);
            context.swiGlu(gateRows, upRows, gateRows);
            context.linear(gateRows, layer.down(), null, out.slice(from, count));
        }
    }

    private void project(Tensor x, Projection projection, Tensor out) {
        context.linear(x, projection.weight(), projection.bias(), out);
    }

    private Tensor gathered(Tensor x, Positions rows, Tensor out) {
        Tensor result = out.slice(0, rows.count());
        context.gather(x, rows, result);
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
