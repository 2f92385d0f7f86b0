package dev.sparsed.bench.quality;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The wording of a needle task, that of the demo model's tasks ({@code docs/demo-model/gen.py}).
 *
 * @param intro what comes before the text
 * @param question what comes after it
 * @param assistantPrefix what the answer starts with
 * @param queried the starts of the facts that are asked for
 * @param mode how the answer is checked
 * @param answer what is expected
 * @param answerText how the demo model words that, after the prefix
 */
record NeedleForm(
        String intro,
        String question,
        String assistantPrefix,
        List<String> queried,
        AnswerMode mode,
        List<String> answer,
        String answerText) {

    private static final String NEEDLES =
            "Some special magic numbers are hidden within the following text. Memorize them.\n";
    private static final String VARIABLES =
            "Memorize and track the chain of variable assignments hidden in the following text.\n";

    /** {@return the fact that a key has a number} */
    static String needle(String key, String number) {
        return needleStart(key) + number + ".";
    }

    private static String needleStart(String key) {
        return " One of the special magic numbers for " + key + " is: ";
    }

    /** {@return the facts that the first of some variables is a value, and every other one the variable before it} */
    static List<String> chain(List<String> names, String value) {
        List<String> facts = new ArrayList<>();
        facts.add(" VAR " + names.getFirst() + " = " + value + ".");
        for (int i = 1; i < names.size(); i++) {
            facts.add(" VAR " + names.get(i) + " = VAR " + names.get(i - 1) + ".");
        }
        return facts;
    }

    /**
     * {@return a question for the numbers of some keys}
     *
     * @param keys one, or two and more for one number each
     * @param all whether to ask for all numbers of the one key
     * @param answer the numbers, in the order of the keys
     */
    static NeedleForm ofNumbers(List<String> keys, boolean all, List<String> answer) {
        String last = keys.getLast();
        String listed = keys.size() == 1 ? last : String.join(", ", keys.subList(0, keys.size() - 1)) + " and " + last;
        boolean several = keys.size() > 1;
        String question =
                "\nWhat " + (several || all ? "are " : "is ") + (all ? "all " : "") + "the special magic number"
                        + (several || all ? "s" : "") + " for " + listed + " mentioned in the text?";
        String prefix = several
                ? ""
                : "The special magic number" + (all ? "s" : "") + " for " + last + (all ? " are: " : " is: ");
        return new NeedleForm(
                NEEDLES,
                question,
                prefix,
                keys.stream().map(NeedleForm::needleStart).toList(),
                all ? AnswerMode.NUMSET : AnswerMode.NUMS,
                answer,
                several ? pairs(keys, answer) : String.join(", ", answer));
    }

    private static String pairs(List<String> keys, List<String> numbers) {
        return IntStream.range(0, keys.size())
                .mapToObj(i -> keys.get(i) + " is: " + numbers.get(i))
                .collect(Collectors.joining(", "));
    }

    /** {@return a question for the variables that have a value} */
    static NeedleForm ofVariables(String value, List<String> names) {
        return new NeedleForm(
                VARIABLES,
                "\nFind all variables that are assigned the value " + value + ".",
                "",
                List.of(""),
                AnswerMode.SET,
                names,
                String.join(", ", names));
    }

    /** {@return what the user says} */
    String user(String text) {
        return intro + text + question;
    }

    /** {@return the index of the first fact that is not asked for} */
    int firstDistractor(List<String> facts) {
        int index = 0;
        while (queried.stream().anyMatch(facts.get(index)::startsWith)) {
            index++;
        }
        return index;
    }
}
