package dev.sparsed.bench.cli;

import dev.sparsed.GenerationRequest;
import dev.sparsed.text.Tokenizer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * A text with gaps: {@code [MASK]} stands for one token to generate, {@code [MASK*8]} for eight. What is between them
 * is tokenized piece by piece and stays.
 */
final class InfillTemplate {

    private static final Pattern GAP = Pattern.compile("\\[MASK(?:\\*([1-9][0-9]{0,5}))?]");

    private InfillTemplate() {}

    /**
     * Turns a template into what {@link GenerationRequest.Builder#infill} takes.
     *
     * @param template the text
     * @param tokenizer the model's
     * @return token ids, {@link GenerationRequest#MASK} in the gaps
     * @throws IllegalArgumentException if there is no gap
     */
    static int[] tokens(String template, Tokenizer tokenizer) {
        Matcher gap = GAP.matcher(template);
        IntStream tokens = IntStream.empty();
        int end = 0;
        while (gap.find()) {
            int masks = gap.group(1) == null ? 1 : Integer.parseInt(gap.group(1));
            tokens = IntStream.concat(tokens, IntStream.of(tokenizer.encode(template.substring(end, gap.start()))));
            tokens = IntStream.concat(
                    tokens, IntStream.generate(() -> GenerationRequest.MASK).limit(masks));
            end = gap.end();
        }
        if (end == 0) {
            throw new IllegalArgumentException("--infill \"" + Texts.printable(template)
                    + "\": has no gap; [MASK] stands for one token, [MASK*8] for eight");
        }
        return IntStream.concat(tokens, IntStream.of(tokenizer.encode(template.substring(end))))
                .toArray();
    }
}
