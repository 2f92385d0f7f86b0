package dev.sparsed.bench.quality;

import java.util.List;

/**
 * A task whose answer can be checked.
 *
 * @param id its number in the file
 * @param name which kind of task, such as {@code niah_single}
 * @param length tokens of prompt and generation, rounded up as in the file
 * @param user what the user asks; goes through the chat template
 * @param assistantPrefix what the assistant's answer starts with, may be empty
 * @param genLength G, tokens to generate
 * @param blockLength tokens per semi-autoregressive block
 * @param steps T, denoising steps
 * @param mode how the answer is checked
 * @param answer what is expected: one string for {@code EXACT}, the puzzle (81 characters, {@code '.'} for a blank) for
 *     {@code SUDOKU}, else the numbers or names
 */
public record Task(
        int id,
        String name,
        int length,
        String user,
        String assistantPrefix,
        int genLength,
        int blockLength,
        int steps,
        AnswerMode mode,
        List<String> answer) {

    /** Checks that there is an answer, and one only where one is meant. */
    public Task {
        answer = List.copyOf(answer);
        boolean single = mode == AnswerMode.EXACT || mode == AnswerMode.SUDOKU;
        if (answer.isEmpty() || (single && answer.size() != 1)) {
            throw new IllegalArgumentException("answer has " + answer.size() + " parts: mode " + mode + " needs "
                    + (single ? "exactly one" : "at least one"));
        }
        if (mode == AnswerMode.SUDOKU && !answer.getFirst().matches("[1-9.]{81}")) {
            throw new IllegalArgumentException("answer = \"" + answer.getFirst()
                    + "\": mode SUDOKU needs the puzzle, 81 characters of 1 ... 9 and '.' for a blank");
        }
    }

    /**
     * {@return the same task in other blocks}
     *
     * @param length tokens per block
     */
    public Task withBlockLength(int length) {
        return new Task(id, name, this.length, user, assistantPrefix, genLength, length, steps, mode, answer);
    }

    /** {@return the expected answer in one string, parts separated by comma and space} */
    public String expected() {
        return String.join(", ", answer);
    }
}
