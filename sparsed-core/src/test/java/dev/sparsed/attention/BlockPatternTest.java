package dev.sparsed.attention;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BlockPatternTest {

    @ParameterizedTest
    @CsvSource({
        // N, G, B, n, g: g is the first block i with N - i*B <= G, or the last one
        "128, 32, 8, 16, 12",
        "138, 37, 16, 9, 7",
        "764, 64, 32, 24, 22",
        "182, 32, 16, 12, 10",
        "7, 3, 32, 1, 0",
        "40, 8, 32, 2, 1",
        "40, 3, 32, 2, 1",
        "64, 64, 16, 4, 0",
        "64, 0, 16, 4, 3",
        "65, 1, 64, 2, 1"
    })
    void blocksRunFromPositionZero(int canvas, int generation, int size, int blocks, int firstGenerationBlock) {
        BlockLayout layout = new BlockLayout(canvas, generation, size);
        assertThat(layout.blocks()).isEqualTo(blocks);
        assertThat(layout.firstGenerationBlock()).isEqualTo(firstGenerationBlock);
        assertThat(layout.end(blocks - 1)).isEqualTo(canvas);
        assertThat(layout.generationBlocks()).isEqualTo(blocks - firstGenerationBlock);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 63, 64, 65, 130})
    void wordsAreTheBitsOfThePattern(int blocks) {
        BlockLayout layout = new BlockLayout(blocks, blocks, 1);
        Random random = new Random(blocks);
        BlockPattern.Builder builder = new BlockPattern.Builder(layout, 3);
        for (int head = 0; head < 3; head++) {
            for (int i = 0; i < blocks; i++) {
                builder.keep(head, i, i);
                builder.keep(head, i, random.nextInt(blocks));
            }
        }
        BlockPattern pattern = builder.build();

        long[] words = pattern.words();

        int wordsPerRow = (blocks + 63) / 64;
        assertThat(words).hasSize(3 * blocks * wordsPerRow);
        for (int row = 0; row < 3 * blocks; row++) {
            for (int j = 0; j < blocks; j++) {
                boolean bit = (words[row * wordsPerRow + j / 64] >>> (j % 64) & 1) == 1;
                assertThat(bit).isEqualTo(pattern.isKept(row / blocks, row % blocks, j));
            }
        }
        assertThat(BlockPattern.of(layout, 3, words)).isEqualTo(pattern);
    }

    @Test
    void wordsMustFitTheLayout() {
        BlockLayout layout = new BlockLayout(3, 1, 1);
        assertThatIllegalArgumentException().isThrownBy(() -> BlockPattern.of(layout, 1, new long[] {1, 1}));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> BlockPattern.of(layout, 1, new long[] {1, 9, 1}))
                .withMessageContaining("word 1");
        assertThatIllegalStateException().isThrownBy(() -> BlockPattern.of(layout, 1, new long[] {1, 0, 1}));
    }

    @ParameterizedTest
    @CsvSource({"0, 1, 1", "0.3, 5, 2", "0.5, 9, 3", "0.99, 16, 4", "1, 16, 4"})
    void budgetsAreOneMoreThanTheShareAndClamped(double select, int promptBudget, int generationBudget) {
        RatioRule rule = new RatioRule(new BlockLayout(128, 32, 8), select); // n = 16, n_g = 4
        assertThat(rule.promptBudget()).isEqualTo(promptBudget);
        assertThat(rule.generationBudget()).isEqualTo(generationBudget);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 63, 64, 65, 128, 200})
    void keepsExactlyWhatWasKept(int blocks) {
        int heads = 3;
        Random random = new Random(blocks);
        BlockLayout layout = new BlockLayout(blocks * 2, 1, 2);
        BlockPattern.Builder builder = new BlockPattern.Builder(layout, heads);
        boolean[][][] expected = new boolean[heads][blocks][blocks];
        int kept = 0;
        for (int head = 0; head < heads; head++) {
            for (int i = 0; i < blocks; i++) {
                for (int j = 0; j < blocks; j++) {
                    expected[head][i][j] = j == i || random.nextInt(3) == 0;
                    if (expected[head][i][j]) {
                        builder.keep(head, i, j);
                        kept++;
                    }
                }
            }
        }
        BlockPattern pattern = builder.build();
        int[] list = new int[blocks];
        for (int head = 0; head < heads; head++) {
            for (int i = 0; i < blocks; i++) {
                int count = pattern.keptBlocks(head, i, list);
                assertThat(count).isEqualTo(pattern.keptCount(head, i));
                TreeSet<Integer> listed = new TreeSet<>();
                for (int k = 0; k < count; k++) {
                    listed.add(list[k]);
                }
                for (int j = 0; j < blocks; j++) {
                    assertThat(pattern.isKept(head, i, j)).isEqualTo(expected[head][i][j]);
                    assertThat(listed.contains(j)).isEqualTo(expected[head][i][j]);
                }
            }
        }
        assertThat(pattern.density()).isEqualTo((double) kept / (heads * blocks * blocks));
    }

    @Test
    void refusesARowThatKeepsNothing() {
        BlockPattern.Builder builder = new BlockPattern.Builder(new BlockLayout(64, 32, 32), 1);
        builder.keep(0, 0, 1);
        assertThatIllegalStateException().isThrownBy(builder::build).withMessageContaining("query block 1");
    }

    @Test
    void refusesLayoutsOutOfRange() {
        assertThatIllegalArgumentException().isThrownBy(() -> new BlockLayout(0, 0, 8));
        assertThatIllegalArgumentException().isThrownBy(() -> new BlockLayout(8, 9, 8));
        assertThatIllegalArgumentException().isThrownBy(() -> new BlockLayout(8, 4, 0));
        assertThatIllegalArgumentException().isThrownBy(() -> new RatioRule(new BlockLayout(8, 4, 4), Double.NaN));
    }
}
