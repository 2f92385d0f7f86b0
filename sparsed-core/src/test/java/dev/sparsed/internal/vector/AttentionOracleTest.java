package dev.sparsed.internal.vector;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.attention.SelectionRule;
import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.internal.cpu.WorkerPool;
import dev.sparsed.internal.scalar.ScalarKernels;
import dev.sparsed.spi.HeadLayout;
import dev.sparsed.spi.Positions;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Both CPU backends' attention against {@link AttentionOracle}, over random shapes and patterns. */
class AttentionOracleTest {

    private static final WorkerPool POOL = new WorkerPool(2);
    private static final int[] LENGTHS = {1, 2, 3, 7, 16, 31, 33, 64, 127, 129, 200, 257, 300};
    private static final int[] DIMENSIONS = {1, 2, 5, 16, 24, 64, 80, 128};
    private static final int[] BLOCKS = {1, 5, 8, 16, 32, 48, 64, 128, 200};

    /** Unit roundoff of float32. */
    private static final double EPSILON = 0x1p-24;

    @AfterAll
    static void close() {
        POOL.close();
    }

    /** The backends under test. */
    enum Kernels {
        SCALAR {
            private final ScalarKernels kernels = new ScalarKernels(POOL);

            @Override
            void dense(Inputs in, Matrix out, @Nullable Matrix logSumExp) {
                kernels.denseAttention(in.q, in.k, in.v, in.heads, out, logSumExp);
            }

            @Override
            void blockSparse(Inputs in, BlockPattern pattern, Matrix out) {
                kernels.blockSparseAttention(in.q, in.rows, in.k, in.v, in.heads, pattern, out);
            }

            @Override
            BlockPattern select(Inputs in, Matrix logSumExp, SelectionRule rule) {
                return kernels.selectBlocks(in.q, in.k, logSumExp, in.heads, rule);
            }
        },
        VECTOR {
            private final VectorAttention attention = new VectorAttention(POOL); // its scratch is used again

            @Override
            void dense(Inputs in, Matrix out, @Nullable Matrix logSumExp) {
                attention.dense(in.q, in.k, in.v, in.heads, out, logSumExp);
            }

            @Override
            void blockSparse(Inputs in, BlockPattern pattern, Matrix out) {
                attention.blockSparse(in.q, in.rows, in.k, in.v, in.heads, pattern, out);
            }

            @Override
            BlockPattern select(Inputs in, Matrix logSumExp, SelectionRule rule) {
                return attention.select(in.q, in.k, logSumExp, in.heads, rule);
            }
        };

        abstract void dense(Inputs in, Matrix out, @Nullable Matrix logSumExp);

        abstract void blockSparse(Inputs in, BlockPattern pattern, Matrix out);

        abstract BlockPattern select(Inputs in, Matrix logSumExp, SelectionRule rule);
    }

    /** Queries of some rows of a canvas, and the keys and values of all. */
    record Inputs(Matrix q, Positions rows, Matrix k, Matrix v, HeadLayout heads) {

        static Inputs random(Random random, int length, HeadLayout heads, int[] rows, double magnitude) {
            return new Inputs(
                    gaussian(random, rows.length, heads.queryColumns(), magnitude),
                    Positions.of(rows),
                    gaussian(random, length, heads.keyValueColumns(), magnitude),
                    gaussian(random, length, heads.keyValueColumns(), 1),
                    heads);
        }

        AttentionOracle oracle() {
            return new AttentionOracle(q, k, v, heads);
        }

        Matrix out() {
            return surrounded(rows.count(), heads.queryColumns());
        }

        Matrix logSumExp() {
            return surrounded(rows.count(), heads.queryHeads());
        }

        /**
         * Error of a score, and so of a logarithm of a probability: D roundings of terms as large as the largest
         * score.
         */
        double scoreError(double[][] scores) {
            double largest = Arrays.stream(scores)
                    .flatMapToDouble(Arrays::stream)
                    .map(Math::abs)
                    .max()
                    .orElseThrow();
            return EPSILON * (8 + Math.sqrt(heads.headDim())) * (1 + largest);
        }

        /** Error of an output: that of the probabilities, and a rounding for every key, on values up to about 5. */
        double outputError(double[][] scores) {
            return 5 * (4 * scoreError(scores) + EPSILON * (8 + Math.sqrt(k.rows())));
        }
    }

    /** A matrix within a larger array of NaN: reading beside it spoils the result. */
    private static Matrix surrounded(int rows, int columns) {
        float[] data = new float[rows * columns + 40];
        Arrays.fill(data, Float.NaN);
        return new Matrix(data, 19, rows, columns);
    }

    private static Matrix gaussian(Random random, int rows, int columns, double magnitude) {
        Matrix matrix = surrounded(rows, columns);
        for (int i = 0; i < rows * columns; i++) {
            matrix.data()[matrix.offset() + i] = (float) (magnitude * random.nextGaussian());
        }
        return matrix;
    }

    private static void assertNothingWrittenBeside(Matrix matrix) {
        int end = matrix.offset() + matrix.rows() * matrix.columns();
        for (int i = 0; i < matrix.data().length; i++) {
            if (Float.isNaN(matrix.data()[i]) != (i < matrix.offset() || i >= end)) {
                fail("element " + i + " of " + matrix + " is " + matrix.data()[i]);
            }
        }
    }

    private static int[] all(int length) {
        return IntStream.range(0, length).toArray();
    }

    private static int[] some(Random random, int length) {
        int[] rows =
                IntStream.range(0, length).filter(i -> random.nextInt(4) == 0).toArray();
        return rows.length > 0 ? rows : new int[] {random.nextInt(length)};
    }

    private static int any(Random random, int[] values) {
        return values[random.nextInt(values.length)];
    }

    private static HeadLayout heads(Random random) {
        int keyValueHeads = 1 + random.nextInt(2);
        return new HeadLayout(keyValueHeads * (1 + random.nextInt(2)), keyValueHeads, any(random, DIMENSIONS));
    }

    private static BlockPattern pattern(Random random, BlockLayout layout, int heads, double density) {
        BlockPattern.Builder pattern = new BlockPattern.Builder(layout, heads);
        for (int head = 0; head < heads; head++) {
            for (int queryBlock = 0; queryBlock < layout.blocks(); queryBlock++) {
                pattern.keep(head, queryBlock, random.nextInt(layout.blocks()));
                for (int keyBlock = 0; keyBlock < layout.blocks(); keyBlock++) {
                    if (random.nextDouble() < density) {
                        pattern.keep(head, queryBlock, keyBlock);
                    }
                }
            }
        }
        return pattern.build();
    }

    private static void assertOutput(Inputs in, int head, double[][] scores, double error, Matrix out) {
        double[][] expected = in.oracle().attend(scores, head);
        for (int row = 0; row < expected.length; row++) {
            for (int d = 0; d < in.heads.headDim(); d++) {
                double actual = out.data()[out.row(row) + head * in.heads.headDim() + d];
                if (!(Math.abs(actual - expected[row][d]) <= error)) {
                    fail("head %d of %s, row %d of %d, feature %d: %s, expected %s within %s"
                            .formatted(head, in.heads, row, expected.length, d, actual, expected[row][d], error));
                }
            }
        }
    }

    private static void assertDense(Kernels kernels, Inputs in) {
        Matrix out = in.out();
        Matrix logSumExp = in.logSumExp();
        kernels.dense(in, out, logSumExp);
        for (int head = 0; head < in.heads.queryHeads(); head++) {
            double[][] scores = in.oracle().scores(head);
            double error = 2 * in.scoreError(scores);
            assertOutput(in, head, scores, in.outputError(scores), out);
            for (int row = 0; row < scores.length; row++) {
                double actual = logSumExp.data()[logSumExp.row(row) + head];
                double expected = AttentionOracle.logSumExp(scores[row], 0);
                if (!(Math.abs(actual - expected) <= error)) {
                    fail("log-sum-exp of head %d of %s, row %d of %d: %s, expected %s within %s"
                            .formatted(head, in.heads, row, scores.length, actual, expected, error));
                }
            }
        }
        assertNothingWrittenBeside(out);
        assertNothingWrittenBeside(logSumExp);
    }

    @ParameterizedTest
    @EnumSource
    void denseAttentionOfEveryLengthAndHeadDimension(Kernels kernels) {
        Random random = new Random(1);
        for (int length : LENGTHS) {
            for (int headDim : DIMENSIONS) {
                int keyValueHeads = 1 + random.nextInt(2);
                HeadLayout heads = new HeadLayout(keyValueHeads * (1 + random.nextInt(2)), keyValueHeads, headDim);
                assertDense(kernels, Inputs.random(random, length, heads, all(length), 1));
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void denseAttentionOfAFewRows(Kernels kernels) {
        Random random = new Random(2);
        for (int length : LENGTHS) {
            assertDense(kernels, Inputs.random(random, length, heads(random), some(random, length), 1));
        }
    }

    @ParameterizedTest
    @EnumSource
    void denseAttentionWithLargeScores(Kernels kernels) {
        Random random = new Random(3);
        for (double score : new double[] {80, 1000}) {
            for (int length : new int[] {1, 33, 257}) {
                HeadLayout heads = new HeadLayout(2, 1, 64);
                assertDense(kernels, Inputs.random(random, length, heads, all(length), Math.sqrt(score)));
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void blockSparseAttentionIsDenseAttentionWithTheDroppedBlocksMasked(Kernels kernels) {
        Random random = new Random(4);
        for (int blockSize : BLOCKS) {
            for (int i = 0; i < 8; i++) {
                int length = any(random, LENGTHS);
                HeadLayout heads = heads(random);
                int[] rows = i % 2 == 0 ? all(length) : some(random, length);
                Inputs in = Inputs.random(random, length, heads, rows, i == 7 ? 10 : 1);
                BlockLayout layout = new BlockLayout(length, length / 2, blockSize);
                BlockPattern pattern = pattern(random, layout, heads.queryHeads(), random.nextDouble() / 2);
                Matrix out = in.out();
                kernels.blockSparse(in, pattern, out);
                for (int head = 0; head < heads.queryHeads(); head++) {
                    double[][] scores = in.oracle().scores(head);
                    double error = in.outputError(scores);
                    AttentionOracle.dropBlocks(scores, rows, pattern, head);
                    assertOutput(in, head, scores, error, out);
                }
                assertNothingWrittenBeside(out);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void blockSparseAttentionThatKeepsEveryBlockIsDenseAttention(Kernels kernels) {
        Random random = new Random(5);
        for (int blockSize : BLOCKS) {
            int length = any(random, LENGTHS);
            Inputs in = Inputs.random(random, length, heads(random), some(random, length), 1);
            Matrix dense = in.out();
            Matrix sparse = in.out();
            kernels.dense(in, dense, null);
            kernels.blockSparse(
                    in, BlockPattern.full(new BlockLayout(length, 0, blockSize), in.heads.queryHeads()), sparse);
            assertThat(sparse.data())
                    .as("%d keys, blocks of %d", length, blockSize)
                    .isEqualTo(dense.data());
        }
    }

    private static int assertSelection(Kernels kernels, Inputs in, SelectionRule rule, double tie) {
        BlockLayout layout = rule.layout();
        Matrix logSumExp = in.logSumExp();
        kernels.dense(in, in.out(), logSumExp);
        BlockPattern pattern = kernels.select(in, logSumExp, rule);
        int ties = 0;
        for (int head = 0; head < in.heads.queryHeads(); head++) {
            double[][] scores = in.oracle().scores(head);
            for (int queryBlock = 0; queryBlock < layout.blocks(); queryBlock++) {
                AttentionOracle.Choice choice = AttentionOracle.select(
                        scores, queryBlock, layout.generationLength(), layout.blockSize(), rule.select());
                boolean[] actual = new boolean[layout.blocks()];
                for (int block = 0; block < actual.length; block++) {
                    actual[block] = pattern.isKept(head, queryBlock, block);
                }
                if (choice.margin() < tie) {
                    ties++;
                } else {
                    assertThat(actual)
                            .as("%s, head %d, query block %d, margin %g", rule, head, queryBlock, choice.margin())
                            .isEqualTo(choice.kept());
                }
            }
        }
        return ties;
    }

    @ParameterizedTest
    @EnumSource
    void selectionIsThatOfTheDefinition(Kernels kernels) {
        Random random = new Random(6);
        int ties = 0;
        int choices = 0;
        for (int blockSize : BLOCKS) {
            for (int i = 0; i < 9; i++) {
                int length = any(random, LENGTHS);
                int generation = new int[] {
                            0,
                            length,
                            length / 2,
                            Math.min(length, blockSize / 2),
                            Math.min(length, 2 * blockSize + 1),
                            length / 3
                        }
                        [i % 6];
                double ratio = new double[] {0, 0.3, 0.5, 1, 0.2, 0.7}[(i + i / 6) % 6];
                Inputs in = Inputs.random(random, length, heads(random), all(length), 1);
                SelectionRule rule = new SelectionRule(new BlockLayout(length, generation, blockSize), ratio);
                ties += assertSelection(kernels, in, rule, 1e-5);
                choices += in.heads.queryHeads() * rule.layout().blocks();
            }
        }
        assertThat(ties).as("query blocks too close to call, of %d", choices).isLessThan(choices / 500);
    }

    /**
     * Long generations: their keys fill several tiles, blocks cross the border of a tile, and maxima rise on the way.
     */
    @ParameterizedTest
    @EnumSource
    void selectionAmongManyGenerationBlocks(Kernels kernels) {
        Random random = new Random(8);
        int ties = 0;
        for (int blockSize : new int[] {5, 20, 24, 48, 56, 100}) {
            for (int generation : new int[] {300, 391, 400}) {
                HeadLayout heads = new HeadLayout(2, 1, 16);
                Inputs in = Inputs.random(random, 400, heads, all(400), 1.5);
                SelectionRule rule = new SelectionRule(new BlockLayout(400, generation, blockSize), 0.4);
                ties += assertSelection(kernels, in, rule, 2e-5);
            }
        }
        assertThat(ties).isLessThan(10);
    }

    /**
     * Prompt keys that every query prefers by far: e^(score − log-sum-exp) of all generation keys underflows in
     * float32.
     */
    @ParameterizedTest
    @EnumSource
    void selectionOfGenerationBlocksThatThePromptOutweighs(Kernels kernels) {
        Random random = new Random(7);
        int ties = 0;
        for (int blockSize : new int[] {5, 16, 32, 48, 64}) {
            int length = 257;
            int generation = 120;
            HeadLayout heads = new HeadLayout(2, 1, 64);
            Inputs in = Inputs.random(random, length, heads, all(length), 1);
            // one feature is 40 in every query and 60 in every prompt key: 300 on every prompt score
            for (int row = 0; row < length; row++) {
                for (int head = 0; head < heads.queryHeads(); head++) {
                    in.q.data()[in.q.row(row) + head * 64 + 5] = 40;
                }
                in.k.data()[in.k.row(row) + 5] = row < length - generation ? 60 : 0;
            }
            SelectionRule rule = new SelectionRule(new BlockLayout(length, generation, blockSize), 0.3);
            ties += assertSelection(kernels, in, rule, 1e-4); // scores of 300 have an error of 3e-5
        }
        assertThat(ties).isLessThan(8);
    }

    @Test
    void theOracleKnowsTheBordersOfThePrompt() {
        // 10 tokens in blocks of 4: with G = 3 block 1 straddles the border and counts as prompt
        double[][] scores = new double[10][10];
        assertThat(AttentionOracle.select(scores, 0, 3, 4, 0).kept()).containsExactly(true, false, true);
        assertThat(AttentionOracle.select(scores, 0, 10, 4, 0).kept()).containsExactly(true, false, false);
        assertThat(AttentionOracle.select(scores, 0, 0, 4, 1).kept()).containsExactly(true, true, true);
    }
}
