package dev.sparsed.bench.cli;

import dev.sparsed.text.Tokenizer;
import java.util.Arrays;
import java.util.stream.Collectors;

/**
 * A token on the command line: a number is its id, anything else its text, and a text in double quotation marks may be
 * a number, too.
 */
final class TokenArgument {

    private TokenArgument() {}

    /**
     * Finds the token that is meant.
     *
     * @param option where it was given, for messages
     * @param argument what was given
     * @param tokenizer the model's
     * @return its id
     * @throws IllegalArgumentException if it is not one token
     */
    static int id(String option, String argument, Tokenizer tokenizer) {
        if (argument.matches("[0-9]{1,9}")) {
            return Integer.parseInt(argument); // whether the model has it is the model's to say
        }
        boolean quoted = argument.length() > 1 && argument.startsWith("\"") && argument.endsWith("\"");
        String text = quoted ? argument.substring(1, argument.length() - 1) : argument;
        int[] tokens = tokenizer.encode(text);
        if (tokens.length == 1) {
            return tokens[0];
        }
        return tokenizer
                .tokenId(text)
                .orElseThrow(() -> new IllegalArgumentException(option + " " + argument + ": is " + tokens.length
                        + " tokens"
                        + (tokens.length == 0 ? "" : " (" + described(tokens, tokenizer) + ")")
                        + ", must be one: give its id or its whole text"));
    }

    private static String described(int[] tokens, Tokenizer tokenizer) {
        return Arrays.stream(tokens)
                .mapToObj(token -> token + " \"" + Texts.printable(tokenizer.token(token)) + "\"")
                .collect(Collectors.joining(", "));
    }
}
