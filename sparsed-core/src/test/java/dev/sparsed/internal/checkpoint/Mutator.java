package dev.sparsed.internal.checkpoint;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/**
 * Breaks valid input in the ways input breaks: bits, lengths, pieces in the wrong place, JSON tokens exchanged, numbers
 * a little off.
 */
final class Mutator {

    private static final Pattern TOKEN = Pattern.compile(
            "\"(?:[^\"\\\\]|\\\\.)*\"|-?\\d+(?:\\.\\d+)?(?:[eE][+-]?\\d+)?|true|false|null|\\s+|.", Pattern.DOTALL);

    private static final List<String> NUMBERS = List.of(
            "0",
            "1",
            "2",
            "-1",
            "-0",
            "3.5",
            "1e3",
            "1e999",
            "-1e-999",
            "2147483647",
            "2147483648",
            "4294967296",
            "9223372036854775807",
            "9223372036854775808",
            "18446744073709551615",
            "18446744073709551616",
            "9".repeat(40),
            "9".repeat(100),
            "00",
            "0x10",
            "NaN",
            "Infinity");

    private static final List<String> STRINGS = List.of(
            "\"\"",
            "\"a\"",
            "\"F32\"",
            "\"F16\"",
            "\"BF16\"",
            "\"I64\"",
            "\"U8\"",
            "\"F64\"",
            "\"F8_E4M3\"",
            "\"f32\"",
            "\"dtype\"",
            "\"shape\"",
            "\"data_offsets\"",
            "\"__metadata__\"",
            "\"weight_map\"",
            "\"..\"",
            "\"../a.safetensors\"",
            "\"/a.safetensors\"",
            "\"a.safetensors\"",
            "\"b.safetensors\"",
            "\"\\u0000\"",
            "\"\\ud800\"",
            "\"\\x\"",
            "\"\t\"",
            "\"LLaDAModelLM\"",
            "\"DreamModel\"",
            "\"architectures\"",
            "\"rms\"",
            "\"unclosed",
            "\"ü重\"");

    private static final List<String> OTHERS = List.of(
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "null",
            "true",
            "false",
            "{}",
            "[]",
            " ",
            "\n",
            "\0",
            "\ufeff",
            "[[[[[[[[[[[[",
            "{\"a\":{\"a\":{\"a\":",
            "//",
            "x");

    private final RandomGenerator random;

    Mutator(RandomGenerator random) {
        this.random = random;
    }

    /** Changes bytes: flips a bit, sets, cuts, inserts, copies a piece elsewhere, drops a piece. */
    byte[] bytes(byte[] input) {
        byte[] output = input.clone();
        if (input.length == 0) {
            return new byte[random.nextInt(12)];
        }
        int at = random.nextInt(input.length);
        switch (random.nextInt(7)) {
            case 0, 1 -> output[at] ^= (byte) (1 << random.nextInt(8));
            case 2 -> output[at] = (byte) random.nextInt(256);
            case 3 -> output = Arrays.copyOf(input, at);
            case 4 -> output = Arrays.copyOf(input, input.length + 1 + random.nextInt(16));
            case 5 -> {
                int length = 1 + random.nextInt(Math.min(32, input.length));
                System.arraycopy(
                        input,
                        random.nextInt(input.length - length + 1),
                        output,
                        random.nextInt(input.length - length + 1),
                        length);
            }
            default -> {
                int length = random.nextInt(input.length - at);
                output = Arrays.copyOf(input, input.length - length);
                System.arraycopy(input, at + length, output, at, input.length - at - length);
            }
        }
        return output;
    }

    /**
     * Changes tokens of a JSON text: replaces one by a like or by any, drops, doubles or swaps some, copies a run
     * elsewhere.
     */
    String tokens(String json) {
        List<String> tokens = new ArrayList<>(
                TOKEN.matcher(json).results().map(MatchResult::group).toList());
        if (tokens.isEmpty()) {
            return any();
        }
        int at = random.nextInt(tokens.size());
        switch (random.nextInt(10)) {
            case 0, 1, 2, 3 -> {
                int scalar = nextScalar(tokens, at);
                tokens.set(scalar, like(tokens.get(scalar)));
            }
            case 4 -> tokens.set(at, any());
            case 5 -> tokens.remove(at);
            case 6 -> tokens.add(at, any());
            case 7 ->
                Collections.swap(tokens, nextScalar(tokens, at), nextScalar(tokens, random.nextInt(tokens.size())));
            case 8 -> tokens.add(at, random.nextBoolean() ? " " : "\n");
            default -> {
                int length = Math.min(1 + random.nextInt(24), tokens.size() - at);
                List<String> run = List.copyOf(tokens.subList(at, at + length));
                tokens.addAll(random.nextInt(tokens.size() + 1), run);
            }
        }
        return String.join("", tokens);
    }

    /** The first string, number or word from a place on, around the end; the place itself if there is none. */
    private static int nextScalar(List<String> tokens, int from) {
        for (int i = 0; i < tokens.size(); i++) {
            int at = (from + i) % tokens.size();
            char first = tokens.get(at).charAt(0);
            if (first == '"' || first == '-' || Character.isLetterOrDigit(first)) {
                return at;
            }
        }
        return from;
    }

    private String like(String token) {
        char first = token.charAt(0);
        if (first == '"') {
            return random.nextInt(4) > 0 || token.length() < 3
                    ? pick(STRINGS)
                    : "\"" + (char) ('a' + random.nextInt(26)) + token.substring(2);
        }
        if (first != '-' && !Character.isDigit(first)) {
            return pick(List.of("true", "false", "null"));
        }
        if (random.nextInt(3) > 0 && token.matches("-?\\d{1,15}")) {
            long value = Long.parseLong(token);
            return switch (random.nextInt(6)) {
                case 0 -> Long.toString(value + 1);
                case 1 -> Long.toString(value - 1);
                case 2 -> Long.toString(value * 2);
                case 3 -> Long.toString(value / 2);
                case 4 -> Long.toString(-value);
                default -> Long.toString(value + random.nextInt(-9, 10));
            };
        }
        return pick(NUMBERS);
    }

    private String any() {
        return switch (random.nextInt(3)) {
            case 0 -> pick(NUMBERS);
            case 1 -> pick(STRINGS);
            default -> pick(OTHERS);
        };
    }

    private String pick(List<String> list) {
        return list.get(random.nextInt(list.size()));
    }
}
