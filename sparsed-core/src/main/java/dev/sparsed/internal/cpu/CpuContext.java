package dev.sparsed.internal.cpu;

import dev.sparsed.attention.BlockPattern;
import dev.sparsed.attention.SelectionRule;
import dev.sparsed.spi.AttentionBackend;
import dev.sparsed.spi.ExecutionContext;
import dev.sparsed.spi.GreedyCandidates;
import dev.sparsed.spi.HeadLayout;
import dev.sparsed.spi.LinearLayer;
import dev.sparsed.spi.Positions;
import dev.sparsed.spi.SwiGluMlp;
import dev.sparsed.spi.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Checks every argument once, so that the kernels need not, and hands the operation to them. */
final class CpuContext implements ExecutionContext, AttentionBackend {

    private final CpuKernels kernels;

    CpuContext(CpuKernels kernels) {
        this.kernels = kernels;
    }

    @Override
    public Tensor allocate(int rows, int columns) {
        return Matrix.zeros(rows, columns);
    }

    @Override
    public void embed(Tensor table, int[] tokens, Tensor out) {
        Weights weights = weights("table", table);
        Matrix result = matrix("out", out, tokens.length, weights.columns());
        for (int i = 0; i < tokens.length; i++) {
            if (tokens[i] < 0 || tokens[i] >= weights.rows()) {
                throw new IllegalArgumentException(
                        "token " + tokens[i] + " at position " + i + ": the vocabulary has " + weights.rows());
            }
            long from = (long) tokens[i] * weights.columns();
            int to = result.row(i);
            for (int column = 0; column < weights.columns(); column++) {
                result.data()[to + column] = weights.get(from + column);
            }
        }
    }

    @Override
    public void rmsNorm(Tensor x, Tensor weight, float epsilon, Tensor out) {
        kernels.rmsNorm(
                matrix("x", x),
                matrix("weight", weight, 1, x.columns()),
                epsilon,
                matrix("out", out, x.rows(), x.columns()));
    }

    @Override
    public void linear(Tensor x, Tensor weight, @Nullable Tensor bias, Tensor out) {
        kernels.linear(matrix("x", x), List.of(linearLayer(x, weight, bias, out)));
    }

    @Override
    public void linear(Tensor x, List<LinearLayer> layers, List<Tensor> outs) {
        if (layers.size() != outs.size()) {
            throw new IllegalArgumentException(layers.size() + " layers, room for the results of " + outs.size());
        }
        Linear[] checked = new Linear[layers.size()];
        for (int i = 0; i < checked.length; i++) {
            LinearLayer layer = layers.get(i);
            checked[i] = linearLayer(x, layer.weight(), layer.bias(), outs.get(i));
        }
        kernels.linear(matrix("x", x), List.of(checked));
    }

    private static Linear linearLayer(Tensor x, Tensor weight, @Nullable Tensor bias, Tensor out) {
        Weights weights = weights("weight", weight);
        if (x.columns() != weights.columns()) {
            throw new IllegalArgumentException("x has " + x.columns() + " columns, weight " + weights.columns());
        }
        if (x == out) {
            throw new IllegalArgumentException("x and out are the same tensor");
        }
        return new Linear(
                weights,
                bias == null ? null : matrix("bias", bias, 1, weights.rows()),
                matrix("out", out, x.rows(), weights.rows()));
    }

    @Override
    public void mlp(Tensor x, SwiGluMlp weights, Tensor gate, Tensor up, Tensor out) {
        if (out == gate || out == up || gate == up) {
            throw new IllegalArgumentException("gate, up and out are not three tensors");
        }
        kernels.mlp(
                matrix("x", x),
                linearLayer(x, weights.gate(), null, gate),
                linearLayer(x, weights.up(), null, matrix("up", up, gate.rows(), gate.columns())),
                linearLayer(gate, weights.down(), null, out));
    }

    @Override
    public void rope(Tensor x, int headDim, Tensor cos, Tensor sin, Positions rows) {
        if (headDim <= 0 || headDim % 2 != 0) {
            throw new IllegalArgumentException("headDim = " + headDim + ": must be even");
        }
        if (x.columns() % headDim != 0) {
            throw new IllegalArgumentException(
                    "x has " + x.columns() + " columns: not a multiple of headDim " + headDim);
        }
        checkPositions("x", x, rows, cos.rows());
        kernels.rope(
                matrix("x", x),
                headDim,
                matrix("cos", cos, cos.rows(), headDim / 2),
                matrix("sin", sin, cos.rows(), headDim / 2),
                rows);
    }

    @Override
    public void swiGlu(Tensor gate, Tensor up, Tensor out) {
        kernels.swiGlu(
                matrix("gate", gate),
                matrix("up", up, gate.rows(), gate.columns()),
                matrix("out", out, gate.rows(), gate.columns()));
    }

    @Override
    public void add(Tensor x, Tensor y) {
        kernels.add(matrix("x", x), matrix("y", y, x.rows(), x.columns()));
    }

    @Override
    public void gather(Tensor x, Positions rows, Tensor out) {
        Matrix from = matrix("x", x);
        Matrix to = matrix("out", out, rows.count(), x.columns());
        checkPositions("out", out, rows, x.rows());
        for (int i = 0; i < rows.count(); i++) {
            System.arraycopy(from.data(), from.row(rows.get(i)), to.data(), to.row(i), from.columns());
        }
    }

    @Override
    public void guide(Tensor conditional, Tensor unconditional, float scale) {
        kernels.guide(
                matrix("conditional", conditional),
                matrix("unconditional", unconditional, conditional.rows(), conditional.columns()),
                scale);
    }

    @Override
    public void greedy(Tensor logits, GreedyCandidates candidates) {
        if (candidates.rows() != logits.rows()) {
            throw new IllegalArgumentException(
                    logits.rows() + " rows of logits, room for " + candidates.rows() + " candidates");
        }
        Matrix matrix = matrix("logits", logits);
        kernels.greedy(matrix, candidates.tokens(), candidates.probabilities());
        RowStatistics.fill(matrix, candidates);
    }

    @Override
    public void download(Tensor x, float[] destination) {
        Matrix from = matrix("x", x);
        System.arraycopy(from.data(), from.offset(), destination, 0, from.rows() * from.columns());
    }

    @Override
    public AttentionBackend attention() {
        return this;
    }

    @Override
    public void dense(
            Tensor queries, Tensor keys, Tensor values, HeadLayout heads, Tensor out, @Nullable Tensor logSumExp) {
        kernels.attention()
                .dense(
                        matrix("queries", queries, queries.rows(), heads.queryColumns()),
                        matrix("keys", keys, keys.rows(), heads.keyValueColumns()),
                        matrix("values", values, keys.rows(), heads.keyValueColumns()),
                        heads,
                        matrix("out", out, queries.rows(), heads.queryColumns()),
                        logSumExp == null ? null : matrix("logSumExp", logSumExp, queries.rows(), heads.queryHeads()));
    }

    @Override
    public void blockSparse(
            Tensor queries,
            Positions rows,
            Tensor keys,
            Tensor values,
            HeadLayout heads,
            BlockPattern pattern,
            Tensor out,
            @Nullable Tensor logSumExp) {
        int canvas = pattern.layout().canvasLength();
        if (pattern.heads() != heads.queryHeads()) {
            throw new IllegalArgumentException(
                    "the pattern is for " + pattern.heads() + " heads, there are " + heads.queryHeads());
        }
        checkPositions("queries", queries, rows, canvas);
        kernels.attention()
                .blockSparse(
                        matrix("queries", queries, rows.count(), heads.queryColumns()),
                        rows,
                        matrix("keys", keys, canvas, heads.keyValueColumns()),
                        matrix("values", values, canvas, heads.keyValueColumns()),
                        heads,
                        pattern,
                        matrix("out", out, rows.count(), heads.queryColumns()),
                        logSumExp == null ? null : matrix("logSumExp", logSumExp, rows.count(), heads.queryHeads()));
    }

    @Override
    public BlockPattern denseAndSelect(
            Tensor queries,
            Tensor keys,
            Tensor values,
            HeadLayout heads,
            Tensor out,
            Tensor logSumExp,
            SelectionRule rule) {
        int canvas = rule.layout().canvasLength();
        return kernels.attention()
                .denseAndSelect(
                        matrix("queries", queries, canvas, heads.queryColumns()),
                        matrix("keys", keys, canvas, heads.keyValueColumns()),
                        matrix("values", values, canvas, heads.keyValueColumns()),
                        heads,
                        matrix("out", out, canvas, heads.queryColumns()),
                        matrix("logSumExp", logSumExp, canvas, heads.queryHeads()),
                        rule);
    }

    @Override
    public void close() {
        // activations are arrays: dropped with this context
    }

    private static Matrix matrix(String argument, Tensor tensor) {
        if (tensor instanceof Matrix matrix) {
            return matrix;
        }
        throw new IllegalArgumentException(argument + " is no activation of a CPU backend but a "
                + tensor.getClass().getSimpleName());
    }

    private static Matrix matrix(String argument, Tensor tensor, int rows, int columns) {
        if (tensor.rows() != rows || tensor.columns() != columns) {
            throw new IllegalArgumentException(argument + " is [" + tensor.rows() + ", " + tensor.columns()
                    + "], needs [" + rows + ", " + columns + "]");
        }
        return matrix(argument, tensor);
    }

    private static Weights weights(String argument, Tensor tensor) {
        if (tensor instanceof Weights weights) {
            return weights;
        }
        throw new IllegalArgumentException(argument + " is no weight of a CPU backend but a "
                + tensor.getClass().getSimpleName());
    }

    private static void checkPositions(String argument, Tensor tensor, Positions rows, int limit) {
        if (tensor.rows() != rows.count()) {
            throw new IllegalArgumentException(
                    argument + " has " + tensor.rows() + " rows for " + rows.count() + " positions");
        }
        if (rows.count() > 0 && rows.get(rows.count() - 1) >= limit) {
            throw new IllegalArgumentException(
                    argument + " has a row at position " + rows.get(rows.count() - 1) + " of " + limit);
        }
    }
}
