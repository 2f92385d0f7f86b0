package dev.sparsed.attention;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Policies whose patterns are known from the start. */
class FixedPolicyTest {

    /** 20 blocks of 8, the last one ragged. */
    private static final GenerationShape SHAPE = new GenerationShape(155, 40, 16, 2, 3);

    private static BlockPattern pattern(AttentionPolicy policy) {
        return policy.plan(SHAPE).pattern(1);
    }

    private static Set<Integer> kept(BlockPattern pattern, int head, int queryBlock) {
        Set<Integer> kept = new TreeSet<>();
        for (int block = 0; block < pattern.layout().blocks(); block++) {
            if (pattern.isKept(head, queryBlock, block)) {
                kept.add(block);
            }
        }
        return kept;
    }

    static Stream<AttentionPolicy> policies() {
        return Stream.of(
                new SlidingWindow(0.3, 8),
                new SinkWindow(1, 0.3, 8),
                new Strided(0.3, 8),
                new PowerStrided(2, 8),
                new UniformRandom(0.3, 8, 5));
    }

    @ParameterizedTest
    @MethodSource("policies")
    void everyStepIsBlockSparse(AttentionPolicy policy) {
        AttentionPlan plan = policy.plan(SHAPE);
        assertThat(plan.policy()).isEqualTo(policy);
        assertThat(IntStream.range(0, 16).mapToObj(plan::at)).containsOnly(AttentionMode.BLOCK_SPARSE);
        assertThat(plan.patterns()).hasSize(2).allSatisfy(pattern -> {
            assertThat(pattern.layout()).isEqualTo(new BlockLayout(155, 40, 8));
            assertThat(pattern.heads()).isEqualTo(3);
        });
    }

    @ParameterizedTest
    @MethodSource("policies")
    void workOnOneBlock(AttentionPolicy policy) {
        assertThat(policy.plan(new GenerationShape(3, 0, 1, 1, 2)).pattern(0).density())
                .isEqualTo(1);
    }

    @Test
    void theWindowIsCentredAndShiftedAtTheEnds() {
        BlockPattern pattern = pattern(new SlidingWindow(0.2, 8)); // w = 20 * 0.2 + 1 = 5
        for (int head = 0; head < 3; head++) {
            assertThat(kept(pattern, head, 0)).containsExactly(0, 1, 2, 3, 4);
            assertThat(kept(pattern, head, 2)).containsExactly(0, 1, 2, 3, 4);
            assertThat(kept(pattern, head, 3)).containsExactly(1, 2, 3, 4, 5);
            assertThat(kept(pattern, head, 17)).containsExactly(15, 16, 17, 18, 19);
            assertThat(kept(pattern, head, 19)).containsExactly(15, 16, 17, 18, 19);
        }
        assertThat(pattern(new SlidingWindow(0, 8)).density()).isEqualTo(1 / 20.0);
        assertThat(pattern(new SlidingWindow(1, 8)).density()).isEqualTo(1);
    }

    @Test
    void sinksAreKeptBesideTheWindow() {
        BlockPattern pattern = pattern(new SinkWindow(2, 0.2, 8)); // 2 sinks, a window of 3
        assertThat(kept(pattern, 0, 0)).containsExactly(0, 1, 2, 3, 4);
        assertThat(kept(pattern, 0, 3)).containsExactly(0, 1, 2, 3, 4);
        assertThat(kept(pattern, 1, 10)).containsExactly(0, 1, 9, 10, 11);
        assertThat(kept(pattern, 2, 19)).containsExactly(0, 1, 17, 18, 19);
        assertThat(kept(pattern(new SinkWindow(4, 0, 8)), 0, 10)).containsExactly(0, 1, 2, 3, 10);
        assertThat(pattern(new SinkWindow(1, 1, 8)).density()).isEqualTo(1);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new SinkWindow(0, 0.2, 8))
                .withMessageContaining("sinks = 0");
    }

    @Test
    void strideTakesTurnsAmongHeads() {
        BlockPattern pattern = pattern(new Strided(0.2, 8)); // w = 5: stride 5
        assertThat(kept(pattern, 0, 3)).containsExactly(0, 3, 5, 10, 15);
        assertThat(kept(pattern, 1, 3)).containsExactly(3, 4, 9, 14, 19);
        assertThat(kept(pattern, 2, 3)).containsExactly(3, 8, 13, 18);
        assertThat(pattern(new Strided(1, 8)).density()).isEqualTo(1);
    }

    @ParameterizedTest
    @CsvSource({"0.1", "0.25", "0.3", "0.5", "0.9"})
    void strideKeepsToItsBudget(double select) {
        BlockPattern pattern = new Strided(select, 8)
                .plan(new GenerationShape(8 * 97, 1, 1, 1, 64))
                .pattern(0);
        int budget = (int) (97 * select) + 1;
        for (int head = 0; head < 64; head++) {
            for (int block = 0; block < 97; block++) {
                assertThat(pattern.keptCount(head, block)).isBetween(budget / 2, budget);
            }
        }
    }

    @Test
    void powersOfTwoReachEveryBlockInLogarithmicallyManyLayers() {
        BlockPattern pattern = pattern(new PowerStrided(1, 8));
        assertThat(kept(pattern, 0, 9)).containsExactly(1, 5, 7, 8, 9, 10, 11, 13, 17);
        assertThat(kept(pattern(new PowerStrided(4, 8)), 0, 9)).containsExactly(1, 5, 6, 7, 8, 9, 10, 11, 12, 13, 17);
        Set<Integer> reached = new HashSet<>(Set.of(0));
        for (int layer = 0; layer < 4; layer++) {
            Set<Integer> next = new HashSet<>();
            reached.forEach(block -> next.addAll(kept(pattern, 0, block)));
            reached = next;
        }
        assertThat(reached).hasSize(20);
    }

    @Test
    void randomBlocksAreUniformAndRepeatable() {
        GenerationShape shape = new GenerationShape(160, 40, 16, 40, 25);
        List<BlockPattern> patterns = new UniformRandom(0.25, 8, 7).plan(shape).patterns(); // 6 of 20
        assertThat(patterns).isEqualTo(new UniformRandom(0.25, 8, 7).plan(shape).patterns());
        assertThat(patterns)
                .isNotEqualTo(new UniformRandom(0.25, 8, 8).plan(shape).patterns());
        assertThat(new HashSet<>(patterns)).hasSize(40);
        int[] counts = new int[20];
        for (BlockPattern pattern : patterns) {
            for (int head = 0; head < 25; head++) {
                for (int block = 0; block < 20; block++) {
                    Set<Integer> kept = kept(pattern, head, block);
                    assertThat(kept).hasSize(6);
                    kept.forEach(key -> counts[key]++);
                }
            }
        }
        // 20,000 draws of 6 of 20: 6,000 each, standard deviation 65
        assertThat(Arrays.stream(counts).boxed())
                .allSatisfy(count -> assertThat(count).isBetween(5700, 6300));
    }
}
