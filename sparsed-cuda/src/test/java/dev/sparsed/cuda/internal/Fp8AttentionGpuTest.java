package dev.sparsed.cuda.internal;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.cuda.RequiresGpu;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.ExecutionContext;
import dev.sparsed.spi.HeadLayout;
import dev.sparsed.spi.Positions;
import dev.sparsed.spi.Quantization;
import dev.sparsed.spi.Tensor;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Block-sparse attention in 8-bit floats, against the same roundings in double and against attention without them. Needs a GPU of compute
 * capability 9.0.
 */
@RequiresGpu
class Fp8AttentionGpuTest {

    private static final String PROPERTY = "sparsed.cuda.fp8.attention";
    private static final int BLOCK = 128;

    private final Random random = new Random(3);

    @BeforeEach
    void always() {
        System.setProperty(PROPERTY, "always");
    }

    @AfterEach
    void restore() {
        System.clearProperty(PROPERTY);
    }

    /** Normally distributed, as bf16 has them; some rows of one size, some of another. */
    private float[] values(int rows, int columns, double unevenness) {
        float[] values = new float[rows * columns];
        for (int i = 0; i < values.length; i++) {
            double value = random.nextGaussian() * Math.pow(2, unevenness * (i / columns / 50 % 5 - 2));
            values[i] = Samples.bf16((float) value);
        }
        return values;
    }

    @ParameterizedTest
    @CsvSource({
        "1, 1, 1, 128, 0",
        "127, 2, 1, 128, 0",
        "129, 2, 2, 64, 1",
        "300, 4, 2, 128, 1",
        "300, 7, 1, 64, 0",
        "1000, 2, 1, 128, 1",
        "1000, 3, 3, 64, 1",
        "700, 24, 4, 128, 1", // several query tiles for a thread block
    })
    void roundsOperandsAndProbabilitiesOnly(
            int canvas, int queryHeads, int keyValueHeads, int headDim, int unevenness) {
        HeadLayout heads = new HeadLayout(queryHeads, keyValueHeads, headDim);
        BlockLayout layout = new BlockLayout(canvas, Math.max(1, canvas / 4), BLOCK);
        float[] k = values(canvas, heads.keyValueColumns(), unevenness * 0.5);
        float[] v = values(canvas, heads.keyValueColumns(), unevenness);
        for (double density : new double[] {0, 0.4, 1}) {
            BlockPattern pattern = Samples.pattern(random, layout, queryHeads, density);
            for (Positions rows : new Positions[] {
                Positions.range(0, canvas),
                Positions.range(canvas / 3, canvas / 2 + 1),
                Positions.of(new int[] {canvas - 1})
            }) {
                float[] q = values(rows.count(), heads.queryColumns(), unevenness);
                float[] actual = onGpu(q, rows, k, v, heads, pattern);
                double[] rounded = attention(q, rows, k, v, heads, pattern, true);
                double[] exact = attention(q, rows, k, v, heads, pattern, false);
                String what = "density " + density + ", rows " + rows;
                // bf16 rounds the output; the tensor cores' sums of scores have some 14 bits, which moves a few
                // probabilities across the border between two 8-bit floats.
                assertThat(relativeError(actual, rounded)).as(what).isLessThan(0.012);
                double error = relativeError(actual, exact);
                assertThat(error).as(what + ", without rounding").isBetween(0.01, 0.15);
            }
        }
    }

    private static double relativeError(float[] actual, double[] expected) {
        double difference = 0;
        double length = 0;
        for (int i = 0; i < expected.length; i++) {
            difference += Math.pow(actual[i] - expected[i], 2);
            length += expected[i] * expected[i];
        }
        return Math.sqrt(difference / length);
    }

    /** Twice, to see that it gives the same bits. */
    private static float[] onGpu(
            float[] q, Positions rows, float[] k, float[] v, HeadLayout heads, BlockPattern pattern) {
        int canvas = pattern.layout().canvasLength();
        try (CudaBackend backend = new CudaBackend(DType.BF16, Quantization.FP8);
                ExecutionContext context = backend.newContext()) {
            Tensor queries = backend.upload(Samples.matrix(q, DType.BF16, rows.count(), heads.queryColumns()));
            Tensor keys = backend.upload(Samples.matrix(k, DType.BF16, canvas, heads.keyValueColumns()));
            Tensor values = backend.upload(Samples.matrix(v, DType.BF16, canvas, heads.keyValueColumns()));
            Tensor out = context.allocate(rows.count(), heads.queryColumns());
            float[] first = new float[q.length];
            float[] second = new float[q.length];
            for (float[] result : new float[][] {first, second}) {
                context.attention().blockSparse(queries, rows, keys, values, heads, pattern, out);
                context.download(out, result);
            }
            assertThat(Arrays.equals(first, second)).isTrue();
            return first;
        }
    }

    /** Softmax over the kept keys; rounded: with the operands in 8-bit floats, and the probabilities of each key block relative to its largest. */
    private static double[] attention(
            float[] q, Positions rows, float[] k, float[] v, HeadLayout heads, BlockPattern pattern, boolean round) {
        int dim = heads.headDim();
        int canvas = pattern.layout().canvasLength();
        double[] out = new double[q.length];
        for (int head = 0; head < heads.queryHeads(); head++) {
            int keyValueHead = head / heads.group();
            double[] queries = head(q, rows.count(), heads.queryHeads(), head, dim, round ? 1 : 0);
            double[] keys = head(k, canvas, heads.keyValueHeads(), keyValueHead, dim, round ? BLOCK : 0);
            double[] values = head(v, canvas, heads.keyValueHeads(), keyValueHead, dim, round ? BLOCK : 0);
            for (int row = 0; row < rows.count(); row++) {
                int queryBlock = rows.get(row) / BLOCK;
                double[] sum = new double[dim];
                double total = 0;
                double reference = Double.NaN;
                for (int block = 0; block < pattern.layout().blocks(); block++) {
                    if (!pattern.isKept(head, queryBlock, block)) {
                        continue;
                    }
                    int from = block * BLOCK;
                    int to = Math.min(canvas, from + BLOCK);
                    double[] scores = new double[to - from];
                    double largest = Double.NEGATIVE_INFINITY;
                    for (int key = from; key < to; key++) {
                        for (int d = 0; d < dim; d++) {
                            scores[key - from] += queries[row * dim + d] * keys[key * dim + d] * heads.scale();
                        }
                        largest = Math.max(largest, scores[key - from]);
                    }
                    reference = Double.isNaN(reference) ? largest : reference;
                    double weight = Math.exp(largest - reference);
                    for (int key = from; key < to; key++) {
                        double p = Math.exp(scores[key - from] - largest);
                        total += weight * p;
                        double factor = weight * (round ? E4m3.nearest(256 * p) / 256 : p);
                        for (int d = 0; d < dim; d++) {
                            sum[d] += factor * values[key * dim + d];
                        }
                    }
                }
                for (int d = 0; d < dim; d++) {
                    out[row * heads.queryColumns() + head * dim + d] = sum[d] / total;
                }
            }
        }
        return out;
    }

    /** One head's columns; if groupRows is positive, what they are in 8-bit floats with a scale for every so many rows. */
    private static double[] head(float[] x, int rows, int heads, int head, int dim, int groupRows) {
        float[] columns = new float[rows * dim];
        for (int row = 0; row < rows; row++) {
            System.arraycopy(x, (row * heads + head) * dim, columns, row * dim, dim);
        }
        double[] result = new double[columns.length];
        if (groupRows == 0) {
            Arrays.setAll(result, i -> columns[i]);
            return result;
        }
        for (int from = 0; from < columns.length; from += groupRows * dim) {
            float[] group = Arrays.copyOfRange(columns, from, Math.min(columns.length, from + groupRows * dim));
            System.arraycopy(E4m3.rounded(group, 1), 0, result, from, group.length);
        }
        return result;
    }
}
