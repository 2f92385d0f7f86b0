package dev.sparsed.bench.quality;

import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** Checks answers against tasks, by the rules the demo model's training used ({@code docs/demo-model/eval.py}). */
public final class TaskChecker {

    private static final Pattern NUMBER = Pattern.compile("[0-9]+");

    private TaskChecker() {}

    /**
     * Checks an answer.
     *
     * @param task what was asked
     * @param answer the generated text up to the end of the turn; space around it does not matter
     * @return whether it is right
     */
    public static boolean solved(Task task, String answer) {
        String text = answer.strip();
        return switch (task.mode()) {
            case EXACT -> text.equals(task.answer().getFirst());
            case NUMS -> numbers(text).equals(task.answer());
            case NUMSET -> sorted(numbers(text)).equals(sorted(task.answer()));
            case LIST -> names(text).equals(task.answer());
            case SET -> sorted(names(text)).equals(sorted(task.answer()));
            case SUDOKU -> Sudoku.faults(task.answer().getFirst(), text).isEmpty();
        };
    }

    private static List<String> numbers(String text) {
        return NUMBER.matcher(text).results().map(MatchResult::group).toList();
    }

    private static List<String> names(String text) {
        return List.of(text.split(", ", -1));
    }

    private static List<String> sorted(List<String> parts) {
        return parts.stream().sorted().toList(); // a list, not a set: naming one twice is wrong
    }
}
