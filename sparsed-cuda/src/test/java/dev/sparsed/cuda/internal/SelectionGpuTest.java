package dev.sparsed.cuda.internal;

import static org.assertj.core.api.Assertions.assertThat;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.attention.CoverageRule;
import dev.sparsed.attention.RatioRule;
import dev.sparsed.attention.SelectionRule;
import dev.sparsed.cuda.RequiresGpu;
import dev.sparsed.spi.DType;
import dev.sparsed.spi.HeadLayout;
import dev.sparsed.spi.Tensor;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Dense attention that selects, on the GPU: its outputs against the scalar backend, its choice against float64. */
@RequiresGpu
@ParameterizedClass
@EnumSource(
        value = DType.class,
        names = {"F32", "BF16"})
class SelectionGpuTest {

    /** Closer decisions than this, relative, may fall either way: the kernels sum in float32. */
    private static final double TIE = 1e-4;

    private final Random random = new Random(7);
    private final Pair pair;
    private final float bound;

    SelectionGpuTest(DType dtype) {
        pair = new Pair(dtype);
        bound = dtype == DType.F32 ? 3e-5f : 1f / 64;
    }

    @AfterEach
    void close() {
        pair.close();
    }

    @ParameterizedTest
    @CsvSource({
        "300, 60, 32, 2, 1, 64, 0.3",
        "1000, 128, 128, 4, 2, 128, 0.3",
        "1000, 1000, 64, 2, 2, 128, 0.5",
        "777, 100, 64, 2, 1, 64, 0.1",
        "20, 10, 32, 2, 1, 64, 0.5",
        "65, 40, 32, 2, 2, 128, 0.5",
        "130, 1, 64, 7, 1, 128, 0.9",
        "97, 30, 7, 2, 1, 64, 0.2",
        "260, 40, 48, 3, 1, 32, 0",
        "2100, 300, 32, 2, 1, 64, 0.3",
        "700, 90, 128, 24, 24, 64, 0.3", // several query tiles for a thread block
        "700, 90, 32, 24, 12, 128, 0.3"
    })
    void denseAndSelect(
            int canvas, int generation, int blockSize, int queryHeads, int keyValueHeads, int headDim, double share) {
        HeadLayout heads = new HeadLayout(queryHeads, keyValueHeads, headDim);
        BlockLayout layout = new BlockLayout(canvas, generation, blockSize);
        float[] q = pair.values(random, canvas * heads.queryColumns(), 1.5f);
        float[] k = pair.values(random, canvas * heads.keyValueColumns(), 1.5f);
        double[][][] importance = importance(q, k, heads, layout, 0);
        double[][][] generated = importance(q, k, heads, layout, layout.firstGenerationBlock());
        for (SelectionRule rule : new SelectionRule[] {
            new RatioRule(layout, share),
            new CoverageRule(layout, 0.3 + share / 2, 0, 1),
            new CoverageRule(layout, 0.9, share / 2, share)
        }) {
            pair.compare("dense attention", bound, side -> selected(side, q, k, heads, rule).out);
            pair.compare("log-sum-exp", 1e-4f, side -> selected(side, q, k, heads, rule).logSumExp);
            BlockPattern pattern = selected(pair.cuda, q, k, heads, rule).pattern;
            int ties = 0;
            for (int head = 0; head < queryHeads; head++) {
                for (int i = 0; i < layout.blocks(); i++) {
                    Choice all = choice(importance[head][i], 0, rule);
                    Choice ofGenerated = choice(generated[head][i], layout.firstGenerationBlock(), rule);
                    if (all.tied || ofGenerated.tied) {
                        ties++;
                        continue;
                    }
                    for (int j = 0; j < layout.blocks(); j++) {
                        assertThat(pattern.isKept(head, i, j))
                                .as("%s, head %d, query block %d, key block %d", rule, head, i, j)
                                .isEqualTo((j < layout.firstGenerationBlock() ? all : ofGenerated).kept[j]);
                    }
                }
            }
            assertThat(ties).isLessThanOrEqualTo(1 + queryHeads * layout.blocks() / 8);
        }
    }

    private record Selected(Tensor out, Tensor logSumExp, BlockPattern pattern) {}

    private static Selected selected(Pair.Side side, float[] q, float[] k, HeadLayout heads, SelectionRule rule) {
        int canvas = rule.layout().canvasLength();
        Tensor queries = side.tensor(q, canvas, heads.queryColumns());
        Tensor keys = side.tensor(k, canvas, heads.keyValueColumns());
        Tensor out = side.context.allocate(canvas, heads.queryColumns());
        Tensor sums = side.context.allocateFloats(canvas, heads.queryHeads());
        BlockPattern pattern = side.context.attention().denseAndSelect(queries, keys, keys, heads, out, sums, rule);
        return new Selected(out, sums, pattern);
    }

    private record Choice(boolean[] kept, boolean tied) {}

    /** What a rule takes of the blocks from {@code first} on, the most important first, and whether a rounding could change that. */
    private static Choice choice(double[] importance, int first, SelectionRule rule) {
        int count = importance.length - first;
        int[] order = IntStream.range(first, importance.length)
                .boxed()
                .sorted(Comparator.comparingDouble(j -> -importance[j]))
                .mapToInt(Integer::intValue)
                .toArray();
        double total = Arrays.stream(order).mapToDouble(j -> importance[j]).sum();
        double coverage = rule instanceof CoverageRule by ? by.coverage() : 2;
        boolean tied = false;
        double covered = 0;
        int taken = 0;
        while (taken < rule.most(count) && (taken < rule.least(count) || covered < coverage * total)) {
            covered += importance[order[taken++]];
            tied |= taken >= rule.least(count) && Math.abs(covered / total - coverage) < TIE;
        }
        boolean[] kept = new boolean[importance.length];
        Arrays.stream(order, 0, taken).forEach(j -> kept[j] = true);
        tied |= taken < count
                && importance[order[taken - 1]] - importance[order[taken]] <= TIE * importance[order[taken - 1]];
        return new Choice(kept, tied);
    }

    /** {@code [head][query block][key block]}: sums of the softmax over the keys from a block on. */
    private static double[][][] importance(float[] q, float[] k, HeadLayout heads, BlockLayout layout, int first) {
        int canvas = layout.canvasLength();
        double[][][] sums = new double[heads.queryHeads()][layout.blocks()][layout.blocks()];
        double[] weights = new double[canvas];
        for (int head = 0; head < heads.queryHeads(); head++) {
            for (int row = 0; row < canvas; row++) {
                double total = 0;
                for (int key = layout.start(first); key < canvas; key++) {
                    double score = 0;
                    for (int d = 0; d < heads.headDim(); d++) {
                        score += (double) q[row * heads.queryColumns() + head * heads.headDim() + d]
                                * k[key * heads.keyValueColumns() + head / heads.group() * heads.headDim() + d];
                    }
                    weights[key] = Math.exp(score * heads.scale());
                    total += weights[key];
                }
                for (int key = layout.start(first); key < canvas; key++) {
                    sums[head][row / layout.blockSize()][key / layout.blockSize()] += weights[key] / total;
                }
            }
        }
        return sums;
    }
}
