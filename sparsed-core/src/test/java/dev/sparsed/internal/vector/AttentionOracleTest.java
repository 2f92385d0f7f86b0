package dev.sparsed.internal.vector;

import static dev.sparsed.internal.vector.AttentionInputs.BLOCKS;
import static dev.sparsed.internal.vector.AttentionInputs.DIMENSIONS;
import static dev.sparsed.internal.vector.AttentionInputs.LENGTHS;
import static dev.sparsed.internal.vector.AttentionInputs.all;
import static dev.sparsed.internal.vector.AttentionInputs.any;
import static dev.sparsed.internal.vector.AttentionInputs.assertNothingWrittenBeside;
import static dev.sparsed.internal.vector.AttentionInputs.heads;
import static dev.sparsed.internal.vector.AttentionInputs.some;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.spi.HeadLayout;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Both CPU backends' attention against {@link AttentionOracle}, over random shapes and patterns. */
class AttentionOracleTest {

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

    private static void assertOutput(AttentionInputs in, int head, double[][] scores, double error, Matrix out) {
        double[][] expected = in.oracle().attend(scores, head);
        for (int row = 0; row < expected.length; row++) {
            for (int d = 0; d < in.heads().headDim(); d++) {
                double actual = out.data()[out.row(row) + head * in.heads().headDim() + d];
                if (!(Math.abs(actual - expected[row][d]) <= error)) {
                    fail("head %d of %s, row %d of %d, feature %d: %s, expected %s within %s"
                            .formatted(head, in.heads(), row, expected.length, d, actual, expected[row][d], error));
                }
            }
        }
    }

    private static void assertDense(AttentionKernels kernels, AttentionInputs in) {
        Matrix out = in.out();
        Matrix logSumExp = in.logSumExp();
        kernels.dense(in, out, logSumExp);
        assertDense(in, out, logSumExp);
    }

    /** The results of dense attention, and nothing written beside them. */
    static void assertDense(AttentionInputs in, Matrix out, Matrix logSumExp) {
        for (int head = 0; head < in.heads().queryHeads(); head++) {
            double[][] scores = in.oracle().scores(head);
            double error = 2 * in.scoreError(scores);
            assertOutput(in, head, scores, in.outputError(scores), out);
            assertLogSumExp(in, head, scores, error, logSumExp);
        }
        assertNothingWrittenBeside(out);
        assertNothingWrittenBeside(logSumExp);
    }

    private static void assertLogSumExp(
            AttentionInputs in, int head, double[][] scores, double error, Matrix logSumExp) {
        for (int row = 0; row < scores.length; row++) {
            double actual = logSumExp.data()[logSumExp.row(row) + head];
            double expected = AttentionOracle.logSumExp(scores[row], 0);
            if (!(Math.abs(actual - expected) <= error)) {
                fail("log-sum-exp of head %d of %s, row %d of %d: %s, expected %s within %s"
                        .formatted(head, in.heads(), row, scores.length, actual, expected, error));
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void denseAttentionOfEveryLengthAndHeadDimension(AttentionKernels kernels) {
        Random random = new Random(1);
        for (int length : LENGTHS) {
            for (int headDim : DIMENSIONS) {
                int keyValueHeads = 1 + random.nextInt(2);
                HeadLayout heads = new HeadLayout(keyValueHeads * (1 + random.nextInt(2)), keyValueHeads, headDim);
                assertDense(kernels, AttentionInputs.random(random, length, heads, all(length), 1));
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void denseAttentionOfAFewRows(AttentionKernels kernels) {
        Random random = new Random(2);
        for (int length : LENGTHS) {
            assertDense(kernels, AttentionInputs.random(random, length, heads(random), some(random, length), 1));
        }
    }

    @ParameterizedTest
    @EnumSource
    void denseAttentionWithLargeScores(AttentionKernels kernels) {
        Random random = new Random(3);
        for (double score : new double[] {80, 1000}) {
            for (int length : new int[] {1, 33, 257}) {
                HeadLayout heads = new HeadLayout(2, 1, 64);
                assertDense(kernels, AttentionInputs.random(random, length, heads, all(length), Math.sqrt(score)));
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void blockSparseAttentionIsDenseAttentionWithTheDroppedBlocksMasked(AttentionKernels kernels) {
        Random random = new Random(4);
        for (int blockSize : BLOCKS) {
            for (int i = 0; i < 8; i++) {
                int length = any(random, LENGTHS);
                HeadLayout heads = heads(random);
                int[] rows = i % 2 == 0 ? all(length) : some(random, length);
                AttentionInputs in = AttentionInputs.random(random, length, heads, rows, i == 7 ? 10 : 1);
                BlockLayout layout = new BlockLayout(length, length / 2, blockSize);
                BlockPattern pattern = pattern(random, layout, heads.queryHeads(), random.nextDouble() / 2);
                Matrix out = in.out();
                Matrix logSumExp = in.logSumExp();
                kernels.blockSparse(in, pattern, out, logSumExp);
                for (int head = 0; head < heads.queryHeads(); head++) {
                    double[][] scores = in.oracle().scores(head);
                    double error = in.outputError(scores);
                    double sumError = 2 * in.scoreError(scores);
                    AttentionOracle.dropBlocks(scores, rows, pattern, head);
                    assertOutput(in, head, scores, error, out);
                    assertLogSumExp(in, head, scores, sumError, logSumExp);
                }
                assertNothingWrittenBeside(out);
                assertNothingWrittenBeside(logSumExp);
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void blockSparseAttentionThatKeepsEveryBlockIsDenseAttention(AttentionKernels kernels) {
        Random random = new Random(5);
        for (int blockSize : BLOCKS) {
            int length = any(random, LENGTHS);
            AttentionInputs in = AttentionInputs.random(random, length, heads(random), some(random, length), 1);
            Matrix dense = in.out();
            Matrix sparse = in.out();
            kernels.dense(in, dense, null);
            kernels.blockSparse(
                    in,
                    BlockPattern.full(
                            new BlockLayout(length, 0, blockSize), in.heads().queryHeads()),
                    sparse,
                    null);
            assertThat(sparse.data())
                    .as("%d keys, blocks of %d", length, blockSize)
                    .isEqualTo(dense.data());
        }
    }
}
