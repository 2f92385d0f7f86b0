package dev.sparsed.diffusion;

import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

/**
 * Ends before the first of some strings in the decoded text. A token that reaches into that string goes with it.
 *
 * @param strings none of them empty
 * @param decode the text of token ids, special tokens left out
 */
public record StopStrings(List<String> strings, Function<int[], String> decode) implements StopRule {

    /** Copies the list. */
    public StopStrings {
        strings = List.copyOf(strings);
    }

    @Override
    public int length(int[] tokens) {
        String text = decode.apply(tokens);
        int end = strings.stream()
                .mapToInt(text::indexOf)
                .filter(start -> start >= 0)
                .min()
                .orElse(-1);
        int length = tokens.length;
        while (end >= 0 && decode.apply(Arrays.copyOf(tokens, length)).length() > end) {
            length--;
        }
        return length;
    }
}
