package dev.sparsed.bench.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.sparsed.attention.BlockLayout;
import dev.sparsed.attention.BlockPattern;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HeadPatternTest {

    /** A kept block is written {@code #}; a row per query block. */
    private static HeadPattern of(String... rows) {
        BlockLayout layout = new BlockLayout(8 * rows.length - 3, 8, 8);
        BlockPattern.Builder pattern = new BlockPattern.Builder(layout, 1);
        for (int query = 0; query < rows.length; query++) {
            for (int key = 0; key < rows.length; key++) {
                if (rows[query].charAt(key) == '#') {
                    pattern.keep(0, query, key);
                }
            }
        }
        return HeadPattern.of(List.of(pattern.build())).getFirst();
    }

    @Test
    void similarityIsCommonOverAll() {
        HeadPattern one = of("##.", ".#.", "..#");
        HeadPattern other = of("#..", ".##", "#..");
        assertThat(one.similarity(other)).isEqualTo(2.0 / 6);
        assertThat(one.similarity(one)).isEqualTo(1);
        assertThat(one.density()).isEqualTo(4.0 / 9);
        assertThatThrownBy(() -> one.similarity(of("#.", ".#")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("same blocks");
    }

    @Test
    void aPictureHasACellPerBlock() {
        assertThat(of("##.", ".#.", "..#").picture(8))
                .containsExactly(
                        (byte) 255, (byte) 255, (byte) 0, (byte) 0, (byte) 255, (byte) 0, (byte) 0, (byte) 0, (byte)
                                255);
    }

    @Test
    void aCellOfSeveralBlocksIsTheirMean() {
        assertThat(of("##..", ".#..", "...#", "..##").picture(2))
                .containsExactly((byte) Math.round(255 * 0.75), (byte) 0, (byte) 0, (byte) Math.round(255 * 0.75));
    }

    /** At awkward sizes, the words of a row included; heads and layers are told apart. */
    @ParameterizedTest
    @ValueSource(ints = {1, 3, 31, 63, 64, 65, 129})
    void theHeadsOfALayerAreTakenApart(int blocks) {
        SplittableRandom random = new SplittableRandom(blocks);
        BlockLayout layout = new BlockLayout(blocks, 1, 1);
        List<BlockPattern> layers = new ArrayList<>();
        for (int layer = 0; layer < 2; layer++) {
            BlockPattern.Builder pattern = new BlockPattern.Builder(layout, 3);
            for (int head = 0; head < 3; head++) {
                for (int query = 0; query < blocks; query++) {
                    pattern.keep(head, query, random.nextInt(blocks));
                    pattern.keep(head, query, random.nextInt(blocks));
                }
            }
            layers.add(pattern.build());
        }
        List<HeadPattern> heads = HeadPattern.of(layers);
        assertThat(heads).hasSize(6);
        for (HeadPattern head : heads) {
            BlockPattern layer = layers.get(head.layer());
            byte[] picture = head.picture(blocks);
            int kept = 0;
            for (int query = 0; query < blocks; query++) {
                for (int key = 0; key < blocks; key++) {
                    boolean isKept = layer.isKept(head.head(), query, key);
                    assertThat(picture[query * blocks + key]).isEqualTo((byte) (isKept ? 255 : 0));
                    kept += isKept ? 1 : 0;
                }
            }
            assertThat(head.density()).isCloseTo((double) kept / blocks / blocks, within(1e-12));
        }
    }

    @Test
    void headsThatAreLeastAlikeAreChosen() {
        HeadPattern diagonal = of("#...", ".#..", "..#.", "...#");
        HeadPattern nearly = of("#...", ".#..", "..#.", "..##");
        HeadPattern opposite = of("...#", "..#.", ".#..", "#...");
        HeadPattern between = of("#..#", ".##.", ".##.", "#..#");
        assertThat(PatternSimilarity.leastAlike(List.of(diagonal, nearly, opposite, between), 2))
                .containsExactly(0, 2);
        assertThat(PatternSimilarity.leastAlike(List.of(diagonal, nearly, opposite, between), 3))
                .containsExactly(0, 2, 3);
        assertThat(PatternSimilarity.leastAlike(List.of(diagonal), 4)).containsExactly(0);
        assertThat(PatternSimilarity.mean(List.of(diagonal, diagonal), List.of(diagonal, opposite)))
                .isEqualTo(0.5);
    }
}
