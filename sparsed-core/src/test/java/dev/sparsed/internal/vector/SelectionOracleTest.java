package dev.sparsed.internal.vector;

import static dev.sparsed.internal.vector.AttentionInputs.BLOCKS;
import static dev.sparsed.internal.vector.AttentionInputs.LENGTHS;
import static dev.sparsed.internal.vector.AttentionInputs.all;
import static dev.sparsed.internal.vector.AttentionInputs.any;
import static dev.sparsed.internal.vector.AttentionInputs.heads;
import static org.assertj.core.api.Assertions.assertThat;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.BlockPattern;
import dev.sparsed.attention.CoverageRule;
import dev.sparsed.attention.RatioRule;
import dev.sparsed.attention.SelectionRule;
import dev.sparsed.internal.cpu.Matrix;
import dev.sparsed.spi.HeadLayout;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Both CPU backends' block selection against {@link AttentionOracle}, over random shapes. */
class SelectionOracleTest {

    private static int assertSelection(AttentionKernels kernels, AttentionInputs in, RatioRule rule, double tie) {
        return assertSelection(
                kernels, in, rule, (importance, first) -> AttentionOracle.top(importance, first, rule.select()), tie);
    }

    private static int assertSelection(
            AttentionKernels kernels,
            AttentionInputs in,
            SelectionRule rule,
            AttentionOracle.Taking taking,
            double tie) {
        BlockLayout layout = rule.layout();
        Matrix out = in.out();
        Matrix logSumExp = in.logSumExp();
        BlockPattern pattern = kernels.denseAndSelect(in, out, logSumExp, rule);
        AttentionOracleTest.assertDense(in, out, logSumExp);
        int ties = 0;
        for (int head = 0; head < in.heads().queryHeads(); head++) {
            double[][] scores = in.oracle().scores(head);
            for (int queryBlock = 0; queryBlock < layout.blocks(); queryBlock++) {
                AttentionOracle.Choice choice = AttentionOracle.select(
                        scores, queryBlock, layout.generationLength(), layout.blockSize(), taking);
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
    void selectionIsThatOfTheDefinition(AttentionKernels kernels) {
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
                AttentionInputs in = AttentionInputs.random(random, length, heads(random), all(length), 1);
                RatioRule rule = new RatioRule(new BlockLayout(length, generation, blockSize), ratio);
                ties += assertSelection(kernels, in, rule, 1e-5);
                choices += in.heads().queryHeads() * rule.layout().blocks();
            }
        }
        assertThat(ties).as("query blocks too close to call, of %d", choices).isLessThan(choices / 500);
    }

    @ParameterizedTest
    @EnumSource
    void selectionByCoverageTakesTheFewestBlocks(AttentionKernels kernels) {
        Random random = new Random(9);
        int ties = 0;
        int choices = 0;
        double[][] budgets = {{0.9, 0, 1}, {0.5, 0, 1}, {0.98, 0, 0.4}, {0.3, 0.4, 0.8}, {1, 0, 0.7}, {0, 0.2, 1}};
        for (int blockSize : BLOCKS) {
            for (double[] budget : budgets) {
                int length = any(random, LENGTHS);
                int generation = random.nextInt(length + 1);
                AttentionInputs in = AttentionInputs.random(random, length, heads(random), all(length), 1.5);
                CoverageRule rule = new CoverageRule(
                        new BlockLayout(length, generation, blockSize), budget[0], budget[1], budget[2]);
                ties += assertSelection(
                        kernels,
                        in,
                        rule,
                        (importance, first) ->
                                AttentionOracle.covering(importance, first, budget[0], budget[1], budget[2]),
                        1e-5);
                choices += in.heads().queryHeads() * rule.layout().blocks();
            }
        }
        assertThat(ties).as("query blocks too close to call, of %d", choices).isLessThan(choices / 100);
    }

    /**
     * Long generations: their keys fill several tiles, blocks cross the border of a tile, and maxima rise on the way.
     */
    @ParameterizedTest
    @EnumSource
    void selectionAmongManyGenerationBlocks(AttentionKernels kernels) {
        Random random = new Random(8);
        int ties = 0;
        for (int blockSize : new int[] {5, 20, 24, 48, 56, 100}) {
            for (int generation : new int[] {300, 391, 400}) {
                HeadLayout heads = new HeadLayout(2, 1, 16);
                AttentionInputs in = AttentionInputs.random(random, 400, heads, all(400), 1.5);
                RatioRule rule = new RatioRule(new BlockLayout(400, generation, blockSize), 0.4);
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
    void selectionOfGenerationBlocksThatThePromptOutweighs(AttentionKernels kernels) {
        Random random = new Random(7);
        int ties = 0;
        for (int blockSize : new int[] {5, 16, 32, 48, 64}) {
            int length = 257;
            int generation = 120;
            HeadLayout heads = new HeadLayout(2, 1, 64);
            AttentionInputs in = AttentionInputs.random(random, length, heads, all(length), 1);
            // one feature is 40 in every query and 60 in every prompt key: 300 on every prompt score
            for (int row = 0; row < length; row++) {
                for (int head = 0; head < heads.queryHeads(); head++) {
                    in.q().data()[in.q().row(row) + head * 64 + 5] = 40;
                }
                in.k().data()[in.k().row(row) + 5] = row < length - generation ? 60 : 0;
            }
            RatioRule rule = new RatioRule(new BlockLayout(length, generation, blockSize), 0.3);
            ties += assertSelection(kernels, in, rule, 1e-4); // scores of 300 have an error of 3e-5
        }
        assertThat(ties).isLessThan(8);
    }

    /** Every tile of keys exceeds the one before it, of the generation and of the prompt, and the prompt the generation. */
    @ParameterizedTest
    @EnumSource
    void selectionAmongScoresThatRise(AttentionKernels kernels) {
        Random random = new Random(10);
        int ties = 0;
        for (int blockSize : new int[] {4, 20, 32, 64}) {
            int length = 699;
            int border = 399;
            HeadLayout heads = new HeadLayout(2, 1, 16);
            AttentionInputs in = AttentionInputs.random(random, length, heads, all(length), 1);
            for (int row = 0; row < length; row++) {
                int place = row < border ? row + length - border : row - border;
                in.q().data()[in.q().row(row) + 5] = 10;
                in.q().data()[in.q().row(row) + 16 + 5] = 10;
                in.k().data()[in.k().row(row) + 5] = place / 20f; // to 1/8 per key, 16 per tile
            }
            RatioRule rule = new RatioRule(new BlockLayout(length, length - border, blockSize), 0.3);
            ties += assertSelection(kernels, in, rule, 1e-4); // scores of 90 have an error of 1e-5
        }
        assertThat(ties).isLessThan(8);
    }

    /** A key that nobody attends to, in a tile whose rows do not fill their registers. */
    @ParameterizedTest
    @EnumSource
    void selectionAmongScoresOfMinusInfinity(AttentionKernels kernels) {
        for (int blockSize : new int[] {1, 2, 4}) {
            HeadLayout heads = new HeadLayout(1, 1, 8);
            AttentionInputs in = AttentionInputs.random(new Random(11), 7, heads, all(7), 1);
            for (int row = 0; row < 7; row++) {
                in.q().data()[in.q().row(row) + 5] = 1;
            }
            in.k().data()[in.k().row(2) + 5] = Float.NEGATIVE_INFINITY;
            RatioRule rule = new RatioRule(new BlockLayout(7, 3, blockSize), 0.5);
            assertThat(assertSelection(kernels, in, rule, 1e-5)).isZero();
        }
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
