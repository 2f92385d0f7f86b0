package dev.sparsed.diffusion;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class StopRuleTest {

    /** Token i is the i-th of these. */
    private static final List<String> TOKENS = List.of("ab", "c", "de", "", "f");

    private static final Function<int[], String> DECODE =
            tokens -> IntStream.of(tokens).mapToObj(TOKENS::get).collect(Collectors.joining());

    private static final int[] ALL = {0, 1, 2, 3, 4}; // abcdef

    private static int length(String... strings) {
        return new StopStrings(List.of(strings), DECODE).length(ALL);
    }

    @Test
    void aTokenEndsBeforeItsFirstPlace() {
        StopRule rule = new StopTokens(Set.of(7, 8));
        assertThat(rule.length(new int[] {1, 2, 8, 7})).isEqualTo(2);
        assertThat(rule.length(new int[] {7})).isZero();
        assertThat(rule.length(new int[] {1, 2, 3})).isEqualTo(3);
        assertThat(StopRule.NEVER.length(new int[] {1, 2, 3})).isEqualTo(3);
    }

    @Test
    void aStringEndsBeforeTheTokenThatReachesIntoIt() {
        assertThat(length("cd")).isEqualTo(1);
        assertThat(length("e")).isEqualTo(2); // "de" goes, "abc" stays
        assertThat(length("b")).isZero();
        assertThat(length("f")).isEqualTo(4); // a token without text before it stays
        assertThat(length("abcdef")).isZero();
        assertThat(length("fa")).isEqualTo(5);
    }

    @Test
    void theFirstEndCounts() {
        assertThat(length("f", "c")).isEqualTo(1);
        StopRule both = new StopTokens(Set.of(2)).or(new StopStrings(List.of("f"), DECODE));
        assertThat(both.length(ALL)).isEqualTo(2);
        assertThat(both.length(new int[] {0, 1, 4})).isEqualTo(2);
        assertThat(both.length(new int[] {0, 1})).isEqualTo(2);
    }
}
